#!/bin/sh
# Let every portrait of a folder follow one driver:
#
#     examples/reenact_portraits.sh DRIVER FOLDER [flag of 'dubtool reenact' ...]
#
# talk.mp4 + people/anna.png -> people/anna.talk.mp4. The driver's face is looked for once: the first run keeps what it
# finds. What is there already is left alone; after an error the next portrait follows. Exit code: 0 if all went well,
# else that of the first one that failed. DUBTOOL names another command to run.

set -u
if [ $# -lt 2 ] || [ ! -f "$1" ] || [ ! -d "$2" ]; then
    echo "usage: $0 DRIVER FOLDER [flag of 'dubtool reenact' ...]" >&2
    exit 2
fi
driver=$1
folder=$2
shift 2
# A name that begins with a dash would be taken for a flag.
case $driver in
/*) ;;
*) driver=./$driver ;;
esac
case $folder in
/*) ;;
*) folder=./$folder ;;
esac
name=${driver##*/}

done=0 skipped=0 failed=0 code=0
for portrait in "$folder"/*.png "$folder"/*.jpg "$folder"/*.jpeg "$folder"/*.webp; do
    output=${portrait%.*}.${name%.*}.mp4
    # A pattern without a match stands for itself.
    [ -f "$portrait" ] || continue
    if [ -e "$output" ]; then
        skipped=$((skipped + 1))
        continue
    fi
    # Not from our stdin: it may be a list that somebody else reads.
    if "${DUBTOOL:-dubtool}" reenact "$portrait" "$driver" --output "$output" --quiet "$@" </dev/null; then
        done=$((done + 1))
    else
        status=$?
        # Ctrl-C and kill end it all.
        [ "$status" -lt 128 ] || exit "$status"
        failed=$((failed + 1))
        [ "$code" -ne 0 ] || code=$status
    fi
done

echo "$done reenacted, $skipped there already, $failed failed" >&2
exit "$code"
