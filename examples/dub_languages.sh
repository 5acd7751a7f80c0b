#!/bin/sh
# Dub one video into every language that a folder has a WAV for:
#
#     examples/dub_languages.sh VIDEO FOLDER [flag of 'dubtool dub' ...]
#
# film.mp4 + voices/french.wav -> voices/film.french.mp4. Faces are looked for once: the first dub keeps what it finds.
# What is there already is left alone; after an error the next language follows. Exit code: 0 if all went well, else
# that of the first dub that failed. DUBTOOL names another command to run.

. "$(dirname "$0")/loop.sh"
film_and_folder_for dub VIDEO "$@"
shift 2

for speech in "$folder"/*.wav; do
    [ -f "$speech" ] || continue
    language=${speech##*/}
    output=$folder/${name%.*}.${language%.*}.mp4
    make "$output" dub "$film" "$speech" --output "$output" --quiet "$@"
done
finish dubbed
