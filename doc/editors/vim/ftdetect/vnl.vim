" SPDX-License-Identifier: GPL-3.0-or-later
autocmd BufNewFile,BufRead *.vnl setfiletype vnl
