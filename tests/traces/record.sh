#!/bin/sh
# Record the allocations of a program as a .rep workload: record.sh OUTPUT PROGRAM ARGUMENTS
set -eu
out=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
valgrind --tool=memcheck --leak-check=no --trace-malloc=yes --log-file="$log" "$@" >/dev/null
awk -v OFS=' ' '
    { gsub(/[(),=]/, " ") }
    function alloc(address, size) { id[address] = n++; now[address] = size; print_op("a", id[address], size); add(size) }
    function add(bytes) { held += bytes; if (held > most) most = held }
    function print_op(what, a, b) { ops[count++] = what " " a (b == "" ? "" : " " b) }
    /--[0-9]+-- +malloc /   { alloc($4, $3) }
    /--[0-9]+-- +calloc /   { alloc($5, $3 * $4) }
    /--[0-9]+-- +memalign / { alloc($NF, $(NF - 1)) }
    /--[0-9]+-- +_Zn[wa]m /  { alloc($NF, $3) }
    /--[0-9]+-- +realloc / {
        if ($3 == "0x0" || !($3 in id)) { alloc($NF, $4); next }
        add($4 - now[$3]); i = id[$3]; delete id[$3]; delete now[$3]
        id[$NF] = i; now[$NF] = $4; print_op("r", i, $4)
    }
    /--[0-9]+-- +free |--[0-9]+-- +_Zd[la]Pv/ {
        if (!($3 in id)) next
        print_op("f", id[$3]); add(-now[$3]); delete id[$3]; delete now[$3]
    }
    END { print most; print n; print count; print 1; for (i = 0; i < count; i++) print ops[i] }
' "$log" >"$out"
