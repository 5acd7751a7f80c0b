#!/bin/sh
# Dub every video in a folder whose people have a cast of the same name beside it:
#
#     examples/dub_casts.sh FOLDER [flag of 'dubtool dub' ...]
#
# scene.mp4 + scene.cast.csv (face,speech,from,to) -> scene.dubbed.mp4. What is there already is left alone; after an
# error the next video follows. Exit code: 0 if all went well, else that of the first dub that failed. DUBTOOL names
# another command to run.

. "$(dirname "$0")/loop.sh"
folder_for dub "$@"
shift

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
        fail 3
        continue
    fi
    make "$stem.dubbed.mp4" dub "$video" --cast "$cast" --output "$stem.dubbed.mp4" --quiet "$@"
done
finish dubbed
