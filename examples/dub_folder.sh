#!/bin/sh
# Dub every video of a folder that has a WAV of the same name beside it:
#
#     examples/dub_folder.sh FOLDER [flag of 'dubtool dub' ...]
#
# lesson 1.mp4 + lesson 1.wav -> lesson 1.dubbed.mp4. What is there already is left alone; after an error the next video
# follows. Exit code: 0 if all went well, else that of the first dub that failed. DUBTOOL names another command to run.
# ('dubtool batch FOLDER' does the same on all cores or GPUs.)

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
for video in "$folder"/*.mp4 "$folder"/*.mov "$folder"/*.mkv; do
    speech=${video%.*}.wav
    output=${video%.*}.dubbed.mp4
    # A pattern without a match stands for itself; a result has no speech beside it.
    [ -f "$video" ] && [ -f "$speech" ] || continue
    if [ -e "$output" ]; then
        skipped=$((skipped + 1))
        continue
    fi
    # Not from our stdin: it may be a list that somebody else reads.
    if "${DUBTOOL:-dubtool}" dub "$video" "$speech" --output "$output" --quiet "$@" </dev/null; then
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
