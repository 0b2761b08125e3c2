" SPDX-License-Identifier: GPL-3.0-or-later
if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1
setlocal comments=:##,:# commentstring=#\ %s
setlocal shiftwidth=2 expandtab textwidth=100
" gggqG puts the whole script into its canonical layout.
setlocal formatprg=vnec\ fmt\ -
compiler vnecc
let b:undo_ftplugin = 'setlocal comments< commentstring< shiftwidth< expandtab< textwidth< formatprg<'
