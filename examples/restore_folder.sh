#!/bin/sh
# Sharpen the teeth in every video of a folder:
#
#     examples/restore_folder.sh FOLDER [flag of 'dubtool restore-teeth' ...]
#
# lesson 1.mp4 -> lesson 1.restored.mp4. What is there already is left alone; after an error the next video follows.
# Exit code: 0 if all went well, else that of the first one that failed. DUBTOOL names another command to run.

set -u
if [ $# -lt 1 ] || [ ! -d "$1" ]; then
    echo "usage: $0 FOLDER [flag of 'dubtool restore-teeth' ...]" >&2
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
for video in "$folder"/*.mp4 "$folder"/*.mov "$folder"/*.mkv; do
    output=${video%.*}.restored.mp4
    # A pattern without a match stands for itself.
    [ -f "$video" ] || continue
    case $video in
    *.restored.mp4) continue ;;
    esac
    if [ -e "$output" ]; then
        skipped=$((skipped + 1))
        continue
    fi
    # Not from our stdin: it may be a list that somebody else reads.
    if "${DUBTOOL:-dubtool}" restore-teeth "$video" --output "$output" --quiet "$@" </dev/null; then
        done=$((done + 1))
    else
        status=$?
        # Ctrl-C and kill end it all.
        [ "$status" -lt 128 ] || exit "$status"
        failed=$((failed + 1))
        [ "$code" -ne 0 ] || code=$status
    fi
done

echo "$done restored, $skipped there already, $failed failed" >&2
exit "$code"
