" Vim syntax file for VNL, the experiment language of VNEC
" SPDX-License-Identifier: GPL-3.0-or-later
" Made by doc/editors/make from the tables of the compiler.
if exists('b:current_syntax')
  finish
endif
syntax case match
setlocal iskeyword=@,48-57,_

syntax keyword vnlDeclaration action expect experiment flow for group host if image let measure network param router rules seed segment site sweep task trials use
syntax keyword vnlKeyword after always and as else in not or parse script when
syntax keyword vnlWord address at background capture cpus delay duplicate env every file filter initially jitter joins key loss mac memory mtu native on on_failure port processes provides queue rate reads ready reorder requires retry returns run succeeds tcp timeout to using vm with writes
syntax keyword vnlType bool duration float int list percent prefix range regex size string
syntax keyword vnlFunction all any count impair link_down link_up max mean median min percentile power_off power_on pull push resume revert snapshot stddev stop sum suspend wait
syntax keyword vnlConstant true false

" A name behind a dot is a field, whatever word it is.
syntax match vnlField /\.\@1<!\.\h\w*/
" Numbers, quantities, addresses, prefixes, MAC addresses are one word each.
syntax match vnlNumber /\<\d[0-9A-Za-z_]*\%(\.[0-9A-Za-z_]\+\)*%\=\%(\/\d\+\)\=/
syntax match vnlNumber /\<\x\{1,4}\%(:\x\{1,4}\)\{5,}\>\|\<\x\{1,4}\%(:\x\{1,4}\)*::\%(\x\{1,4}\%(:\x\{1,4}\)*\)\=\%(\/\d\+\)\=/

syntax region vnlRegex start=+\%(\%(\<parse\|\<when\|[(,=\[]\)\s\+\|[(,\[]\)\@8<=/+ skip=+\\.+ end=+/+ oneline
syntax match vnlEscape /\\u{\x*}\|\\./ contained
syntax match vnlEscape /{{/ contained
syntax region vnlInterpolation matchgroup=vnlBrace start=/{{\@!/ end=/}/ contained contains=TOP
syntax region vnlString start=/"/ end=/"/ oneline contains=vnlEscape,vnlInterpolation
syntax region vnlString start=/"""/ end=/"""/ contains=vnlEscape,vnlInterpolation
syntax region vnlRaw start=/\<r"/ end=/"/ oneline
syntax region vnlRaw start=/\<r"""/ end=/"""/
syntax region vnlRaw start=/\%(\<script\s\+\)\@16<="""/ end=/"""/
syntax region vnlRaw start=/\%(\<script\s\+\)\@16<=""\@!/ end=/"/ oneline
syntax match vnlComment /#.*$/ contains=vnlTodo,@Spell
syntax match vnlDoc /##.*$/ contains=@Spell
syntax keyword vnlTodo TODO FIXME contained
syntax sync minlines=200

highlight default link vnlDeclaration Statement
highlight default link vnlKeyword Keyword
highlight default link vnlWord Label
highlight default link vnlType Type
highlight default link vnlFunction Function
highlight default link vnlConstant Boolean
highlight default link vnlField Identifier
highlight default link vnlNumber Number
highlight default link vnlRegex String
highlight default link vnlString String
highlight default link vnlRaw String
highlight default link vnlEscape SpecialChar
highlight default link vnlBrace Delimiter
highlight default link vnlComment Comment
highlight default link vnlDoc SpecialComment
highlight default link vnlTodo Todo

let b:current_syntax = 'vnl'
