#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# Reads the machine code of the read paths, and of everything that they call in the program, and
# fails if there is a call that counts references, allocates, checks exclusivity or initialises
# lazily, or one that can't be followed. What ends the process may do what it likes. Two controls that do
# count references must be caught.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
if [ "$(uname -m)" != x86_64 ]; then
  echo "disassembly: NOT CHECKED: this reads x86-64 code only"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build=(swift build -c release --package-path "$root/Benchmarks" --product disassembly-probes)
bash "$root/Tests/Scripts/without-warnings.sh" "$root" "${build[@]}"
program=$("${build[@]}" --show-bin-path)/disassembly-probes
"$program" >/dev/null

# address, size, kind, demangled name
nm -S --defined-only "$program" | grep -i ' t ' | swift demangle >"$work/symbols"
objdump -d --no-show-raw-insn "$program" | tr -d '\r' >"$work/code"

# check NAME FUNCTION: prints what it calls; 0 if that is fine, 1 if not, 2 if it isn't there.
# FUNCTION is a part of the demangled name.
check() {
  LC_ALL=C awk -v label="$1" -v wanted="$2" -v symbols="$work/symbols" '
    function number(digits,    value, i) {
      value = 0
      for (i = 1; i <= length(digits); i++)
        value = value * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
      return value
    }
    function push(address, path) {
      if (address in seen || names[address] ~ /-> Swift\.Never/ || names[address] == "rcushims_fail") return
      seen[address] = 1
      queue[++last] = address
      paths[last] = path
    }
    # Compilers leave some functions without a symbol, behind another: such a one ends at the
    # padding that follows its last instruction, or at the next symbol.
    function isEnd(line) {
      return text[line] ~ /^(ret|jmp|ud2)/ && (text[line + 1] ~ /nop|int3/ || address[line + 1] in sizes)
    }
    function visit(start, path,    line, end, size, words, target, name, to) {
      line = lineAt[start]
      if (line == "") { bad[++badCount] = path ": no code at its address"; return }
      size = sizes[start]
      end = size ? start + size : 0
      for (; line <= lineCount; line++) {
        if (end && address[line] >= end) break
        instructions++
        split(text[line], words, /[ \t]+/)
        if (words[1] ~ /^(call|jmp|j[a-z]+|loop)/ || (words[1] == "bnd" && words[2] ~ /^(call|jmp)/)) {
          if (text[line] ~ /\*/) {
            # A switch jumps through a register. A call through one is a closure or a witness, and
            # so is a jump that follows the end of the frame.
            if (words[1] !~ /^jmp/ || text[line - 1] ~ /^(pop|leave|add .*%rsp)/)
              bad[++badCount] = path ": " text[line]
          } else if (match(text[line], /<[^>+]+@plt>/)) {
            name = substr(text[line], RSTART + 1, RLENGTH - 6)
            outside[name] = 1
            if (name ~ forbidden) bad[++badCount] = path ": " text[line]
          } else {
            target = words[1] == "bnd" ? words[3] : words[2]
            to = number(target)
            if (words[1] ~ /^call/ || (end && (to < start || to >= end)))
              push(to, path " > " (to in names ? names[to] : "a function without a symbol"))
          }
        }
        if (!end && (isEnd(line) || address[line + 1] in sizes)) break
      }
    }
    BEGIN {
      forbidden = "^(swift_(retain|release|bridgeObject|unknownObject|unowned|weak|isUniquely|" \
        "allocObject|allocBox|deallocObject|deallocClassInstance|slowAlloc|slowDealloc|" \
        "beginAccess|once|getGenericMetadata|getTypeByMangledName)|" \
        "(malloc|calloc|realloc|free|posix_memalign|aligned_alloc)$)"
      while ((getline entry < symbols) > 0) {
        split(entry, fields, " ")
        at = number(fields[1])
        sizes[at] = number(fields[2])
        name = entry
        sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", name)
        names[at] = name
        if (index(name, wanted)) roots[++rootCount] = at
      }
    }
    /^ *[0-9a-f]+:\t/ {
      split($0, parts, /:?\t/)
      gsub(/ /, "", parts[1])
      lineCount++
      address[lineCount] = number(parts[1])
      lineAt[address[lineCount]] = lineCount
      text[lineCount] = parts[2]
    }
    END {
      if (!rootCount) { print "disassembly: " label ": no function named " wanted; exit 2 }
      for (i = 1; i <= rootCount; i++) push(roots[i], label)
      for (i = 1; i <= last; i++) visit(queue[i], paths[i])
      list = ""
      for (name in outside) list = list " " name
      printf "disassembly: %s: %d functions, %d instructions; calls outside:%s\n", label, last, \
        instructions, list == "" ? " none" : list
      for (i = 1; i <= badCount; i++) print "  " bad[i]
      exit badCount > 0
    }
  ' "$work/code"
}

# Controls first: a checker that sees nothing must not pass.
for control in probeControl probeNestedControl; do
  status=0
  check "control" "$control(" >"$work/control" || status=$?
  if [ "$status" -ne 1 ] || ! grep -qE 'swift_(retain|release)' "$work/control"; then
    cat "$work/control" >&2
    echo "disassembly: $control counts references, and the check didn't see it" >&2
    exit 1
  fi
done
if check "control" "noFunctionHasThisName(" >/dev/null; then
  echo "disassembly: a function that doesn't exist passed" >&2
  exit 1
fi
echo "disassembly: the controls were caught"

failures=0
check "read section and load" "probeReadSection(" || failures=1
check "SleepableRCU section and load" "probeSleepableSection(" || failures=1
check "HashTable.lookup" "probeHashTableLookup(" || failures=1
check "HashTable.forEach" "probeHashTableWalk(" || failures=1
check "List.forEach" "probeListWalk(" || failures=1
check "List.first" "probeListSearch(" || failures=1
check "LockFreeStack.top" "probeStackTop(" || failures=1
check "SequenceLock.load" "probeSequenceLock(" || failures=1
check "AddressSpace.lookup" "VirtualMemory.AddressSpace.lookup(Swift.UInt64)" || failures=1
check "AddressSpace.query" "VirtualMemory.AddressSpace.query(" || failures=1
check "snapshot dump" "VirtualMemory.AddressSpace.(formatSnapshot in " || failures=1
if [ "$failures" -ne 0 ]; then
  echo "disassembly: a read path makes a call that it must not make, see above" >&2
  exit 1
fi
