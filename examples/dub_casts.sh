#!/bin/sh
# Dub every video in a folder whose people have a cast of the same name beside it:
#
#     examples/dub_casts.sh FOLDER [flag of 'dubtool dub' ...]
#
# scene.mp4 + scene.cast.csv (face,speech,from,to) -> scene.dubbed.mp4. What is there already is left alone; after an
# error the next video follows. Exit code: 0 if all went well, else that of the first dub that failed. DUBTOOL names
# another command to run.

set -u
if [ $# -lt 1 ] || [ ! -d "$1" ]; then
    echo "usage: $0 FOLDER [flag of 'dubtool dub' ...]" >&2
    exit 2
fi
folder=$1
shift
# A name that begins with a dash would be taken for a flag.
case $folder in
/*) ;;
*) folder=./$folder ;;
esac

done=0 skipped=0 failed=0 code=0
for cast in "$folder"/*.cast.csv; do
    [ -f "$cast" ] || continue
    stem=${cast%.cast.csv}
    video=
    for kind in mp4 mov mkv webm avi; do
        if [ -f "$stem.$kind" ]; then
            video=$stem.$kind
            break
        fi
    done
    if [ -z "$video" ]; then
        echo "$cast: there is no video of this name beside it" >&2
        failed=$((failed + 1))
        [ "$code" -ne 0 ] || code=3
        continue
    fi
    output=$stem.dubbed.mp4
    if [ -e "$output" ]; then
        skipped=$((skipped + 1))
        continue
    fi
    # Not from our stdin: it may be a list that somebody else reads.
    if "${DUBTOOL:-dubtool}" dub "$video" --cast "$cast" --output "$output" --quiet "$@" </dev/null; then
        done=$((done + 1))
    else
        status=$?
        # Ctrl-C and kill end it all.
        [ "$status" -lt 128 ] || exit "$status"
        failed=$((failed + 1))
        [ "$code" -ne 0 ] || code=$status
    fi
done

echo "$done dubbed, $skipped there already, $failed failed" >&2
exit "$code"
