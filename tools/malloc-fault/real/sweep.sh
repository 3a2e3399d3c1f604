#!/bin/sh
# Sweeps real programs with small inputs: `sweep.sh COMMAND FOLDER` runs each with COMMAND (a built malloc-fault) and leaves
# a JSON report per program in FOLDER. Then each group's one line is run by itself: a crash must come again, by the same signal
# in the same module, and a leak must lose more than a clean run. The exit status says whether all did. Needs: sqlite3 jq gawk bc git curl python3 libxml2-utils, as in Debian.
set -u
command=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export LC_ALL=C.UTF-8 HOME="$work" GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat

printf '%s\n' 'create table t(a,b); insert into t values(1,"x"),(2,"y");' 'select * from t order by b desc;' > script.sql
printf '%s\n' '1+2' 'scale=20' '4*a(1)' 'define f(x){return x*x;}' 'f(12)' > script.bc
printf '%s\n' '{"a":[1,2,{"b":"x"}],"c":null}' > doc.json
printf '%s\n' '<a><b c="d">text</b><e/></a>' > doc.xml
printf '%s\n' 'one 1' 'two 2' 'three 3' > rows.txt
git init -q repo && cd repo && git config user.name a && git config user.email a@example.com
for n in 1 2 3; do echo $n > file; git add file; git commit -qm "Commit $n"; done
cd ..

# name, input, options, program and arguments
sweep() {
    name=$1 input=$2
    shift 2
    start=$(date +%s.%N)
    timeout 900 "$command" sweep --json "$@" < "$input" > "$out/$name.json" 2> "$out/$name.err"
    status=$?
    end=$(date +%s.%N)
    echo "$name: exit $status, $(echo "$end - $start" | bc) s"
    again
}

# The reproducers of the program that was swept last, each with the same input.
again() {
    count=$(jq '.groups | length' "$out/$name.json") index=0 bad=0
    while [ "$index" -lt "$count" ]; do
        jq ".groups[$index]" "$out/$name.json" > group.json
        line=$(jq -r '.reproducer | sub("^malloc-fault run "; "run --json --leaks ")' group.json)
        eval "\"\$command\" $line" < "$input" > with.json 2> /dev/null
        # The same program, with no call that fails.
        eval "\"\$command\" run --json --leaks $folder -- ${line##* -- }" < "$input" > without.json 2> /dev/null
        tail -n 1 with.json > a.json
        tail -n 1 without.json > b.json
        if ! jq -e -n --slurpfile group group.json --slurpfile with a.json --slurpfile without b.json '
            $group[0] as $g | $with[0] as $w | $without[0] as $c |
            if $g.verdict == "leaked" then $w.lost_blocks > $c.lost_blocks
            else ($w.ending | contains($g.ending)) and $w.crash[0].module == $g.module end' > /dev/null; then
            echo "  NOT AGAIN: $line"
            bad=$((bad + 1)) failed=1
        fi
        index=$((index + 1))
    done
    echo "  $count groups, $((count - bad)) again by their own lines"
}
failed=0 folder=

for name in ${PROGRAMS:-bc sqlite3 gawk git xmllint jq curl python3}; do
    case $name in
    bc) sweep bc script.bc ${COUNT:---count 1..=2} -- /usr/bin/bc -l ;;
    sqlite3) sweep sqlite3 script.sql ${COUNT:---count 1..=2} -- /usr/bin/sqlite3 :memory: ;;
    gawk) sweep gawk rows.txt ${COUNT:---count 1..=2} -- /usr/bin/gawk '{ s[$1] += $2 } END { for (k in s) n += s[k]; print n }' ;;
    git) folder="--chdir repo"; sweep git /dev/null ${COUNT:---count 1..=2} --chdir repo -- git log --oneline; folder= ;;
    xmllint) sweep xmllint /dev/null ${COUNT:---count 1..=2} -- /usr/bin/xmllint --format "$work/doc.xml" ;;
    jq) sweep jq doc.json ${COUNT:---count 1..=2} -- /usr/bin/jq -c .a ;;
    curl) sweep curl /dev/null ${COUNT:---count 1..=2} -- /usr/bin/curl -s "file://$work/rows.txt" ;;
    python3) sweep python3 /dev/null ${COUNT:---count 1..=2} -- /usr/bin/python3 -S -c 'print(sum(range(10)))' ;;
    esac
done
exit "$failed"
