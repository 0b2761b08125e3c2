# SPDX-License-Identifier: GPL-3.0-or-later
"""What the syntax files make of scripts, character by character.

    editors.py GRAMMAR.json VIM.txt FILE...

Reads the TextMate grammar with a small engine of its own (begin, end, match, include, captures of
the whole), and what Vim said of the same files (VIM.txt: for each file and line the names of the
groups), and demands that both say the same class for every character that is not blank."""
import json
import re
import sys

CLASSES = [("comment", "comment"), ("string.regexp", "regex"), ("string", "string"),
           ("constant.character.escape", "escape"), ("punctuation.section.interpolation", "brace"),
           ("variable.other.property", "field"), ("constant.numeric", "number"),
           ("keyword.declaration", "declaration"), ("keyword.control", "keyword"),
           ("keyword.other", "word"), ("storage.type", "type"), ("support.function", "function"),
           ("constant.language", "constant"), ("meta.interpolation", "")]
VIM = {"vnlComment": "comment", "vnlDoc": "comment", "vnlTodo": "comment", "vnlRegex": "regex",
       "vnlString": "string", "vnlRaw": "string", "vnlEscape": "escape", "vnlBrace": "brace",
       "vnlField": "field", "vnlNumber": "number", "vnlDeclaration": "declaration",
       "vnlKeyword": "keyword", "vnlWord": "word", "vnlType": "type", "vnlFunction": "function",
       "vnlConstant": "constant", "vnlInterpolation": "", "": ""}


def class_of(scope):
    return next(name for prefix, name in CLASSES if scope.startswith(prefix))


class Grammar:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.root = json.load(file)
        self.compiled = {}

    def pattern(self, text):
        if text not in self.compiled:
            self.compiled[text] = re.compile(text)
        return self.compiled[text]

    def flat(self, patterns):
        for pattern in patterns:
            if "include" in pattern:
                yield from self.flat(self.root["repository"][pattern["include"][1:]]["patterns"])
            else:
                yield pattern

    def first(self, line, at, patterns):
        """The match that begins first, of equals the first pattern's."""
        best, which = None, None
        for pattern in self.flat(patterns):
            found = self.pattern(pattern.get("match", pattern.get("begin"))).search(line, at)
            if found and (best is None or found.start() < best.start()):
                best, which = found, pattern
        return best, which

    def line(self, line, stack):
        marks, at = [""] * len(line), 0
        while at <= len(line):
            top = stack[-1]
            patterns = top.get("patterns", []) if top else self.root["patterns"]
            found, which = self.first(line, at, patterns)
            end = self.pattern(top["end"]).search(line, at) if top else None
            ends = end is not None and (found is None or end.start() <= found.start())
            edge = end if ends else found
            stop = edge.start() if edge else len(line)
            for i in range(at, stop):
                marks[i] = class_of(top["name"]) if top else ""
            if edge is None:
                break
            rule = top if ends else which
            scope = rule["name"]
            if "begin" in rule:
                scope = rule.get("endCaptures" if ends else "beginCaptures",
                                 {"0": {"name": scope}})["0"]["name"]
            for i in range(edge.start(), edge.end()):
                marks[i] = class_of(scope)
            if ends:
                stack.pop()
            elif "begin" in which:
                stack.append(which)
            if edge.end() == at and not ends and "begin" not in which:
                raise SystemExit(f"an empty match of {which}")
            at = edge.end()
            if at == len(line) and edge.start() == edge.end():
                break
        return marks


def main():
    grammar = Grammar(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        vim = file.read().split("\f\n")
    wrong, seen, characters = 0, {}, 0
    for path, said in zip(sys.argv[3:], vim, strict=True):
        stack = [None]
        groups = said.split("\n")
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")[:-1]
        for number, line in enumerate(lines):
            ours = grammar.line(line, stack)
            theirs = [VIM[name] for name in groups[number].split(",")[:-1]]
            for i, character in enumerate(line):
                if character.isspace():
                    continue
                characters += 1
                seen[ours[i]] = seen.get(ours[i], 0) + 1
                if ours[i] != theirs[i]:
                    wrong += 1
                    if wrong <= 20:
                        print(f"{path}:{number + 1}:{i + 1}: TextMate {ours[i] or 'plain'}, "
                              f"Vim {theirs[i] or 'plain'}: {line.strip()}")
        if len(stack) != 1:
            print(f"{path}: TextMate does not come back from {stack[-1]['name']}")
            wrong += 1
    missing = {name for _, name in CLASSES} - set(seen)
    if missing:
        print(f"never seen: {', '.join(sorted(missing))}")
    print(f"{characters} characters in {len(sys.argv) - 3} files, {wrong} differ")
    return 1 if wrong or missing else 0


sys.exit(main())
