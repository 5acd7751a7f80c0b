#!/bin/sh
# Dub one video into every language that a folder has subtitles and voices for:
#
#     examples/dub_cues.sh VIDEO FOLDER [flag of 'dubtool dub' ...]
#
# film.mp4 + lines/french.srt + lines/french/ (1.wav, 2.left.wav ...) -> lines/film.french.mp4. A speech that is longer
# or shorter than its cue is stretched (--fit says otherwise). What is there already is left alone; after an error the
# next language follows. Exit code: 0 if all went well, else that of the first dub that failed. DUBTOOL names another
# command to run.

. "$(dirname "$0")/loop.sh"
film_and_folder_for dub VIDEO "$@"
shift 2

for cues in "$folder"/*.srt; do
    [ -f "$cues" ] || continue
    language=${cues##*/}
    output=$folder/${name%.*}.${language%.srt}.mp4
    make "$output" dub "$film" --cues "$cues" --voices "${cues%.srt}" --output "$output" --fit stretch --quiet "$@"
done
finish dubbed
