" SPDX-License-Identifier: GPL-3.0-or-later
" :make checks the script; :copen lists what was found, with the places and hints as notes.
if exists('current_compiler')
  finish
endif
let current_compiler = 'vnecc'
CompilerSet makeprg=vnecc\ --check\ --format=gcc\ %:S
CompilerSet errorformat=%f:%l:%c:\ %trror:\ %m,%f:%l:%c:\ %tarning:\ %m,%f:%l:%c:\ %tote:\ %m
