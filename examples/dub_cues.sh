#!/bin/sh
# Dub one video into every language that a folder has subtitles and voices for:
#
#     examples/dub_cues.sh VIDEO FOLDER [flag of 'dubtool dub' ...]
#
# film.mp4 + lines/french.srt + lines/french/ (1.wav, 2.left.wav ...) -> lines/film.french.mp4. A speech that is longer
# or shorter than its cue is stretched (--fit says otherwise). What is there already is left alone; after an error the
# next language follows. Exit code: 0 if all went well, else that of the first dub that failed. DUBTOOL names another
# command to run.

set -u
if [ $# -lt 2 ] || [ ! -f "$1" ] || [ ! -d "$2" ]; then
    echo "usage: $0 VIDEO FOLDER [flag of 'dubtool dub' ...]" >&2
    exit 2
fi
video=$1
folder=$2
shift 2
# A name that begins with a dash would be taken for a flag.
case $video in
/*) ;;
*) video=./$video ;;
esac
case $folder in
/*) ;;
*) folder=./$folder ;;
esac
name=${video##*/}

done=0 skipped=0 failed=0 code=0
for cues in "$folder"/*.srt; do
    [ -f "$cues" ] || continue
    language=${cues##*/}
    language=${language%.srt}
    output=$folder/${name%.*}.$language.mp4
    if [ -e "$output" ]; then
        skipped=$((skipped + 1))
        continue
    fi
    # Not from our stdin: it may be a list that somebody else reads.
    if "${DUBTOOL:-dubtool}" dub "$video" --cues "$cues" --voices "${cues%.srt}" --output "$output" --fit stretch \
        --quiet "$@" </dev/null; then
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
