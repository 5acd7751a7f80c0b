# What the scripts of this folder share. Whoever copies one of them copies this file beside it.

set -u
done=0 skipped=0 failed=0 code=0

# usable PATH: the path, in a form that no program takes for a flag.
usable() {
    case $1 in
    /*) printf '%s\n' "$1" ;;
    *) printf '%s\n' "./$1" ;;
    esac
}

# folder_for JOB [ARGUMENT ...]: set folder to the first argument, or say how the script is used.
folder_for() {
    if [ $# -lt 2 ] || [ ! -d "$2" ]; then
        echo "usage: $0 FOLDER [flag of 'dubtool $1' ...]" >&2
        exit 2
    fi
    folder=$(usable "$2")
}

# film_and_folder_for JOB WHAT [ARGUMENT ...]: set film and folder to the first two, and name to the film's, or say how
# the script is used. WHAT: what the film is called.
film_and_folder_for() {
    if [ $# -lt 4 ] || [ ! -f "$3" ] || [ ! -d "$4" ]; then
        echo "usage: $0 $2 FOLDER [flag of 'dubtool $1' ...]" >&2
        exit 2
    fi
    film=$(usable "$3")
    folder=$(usable "$4")
    name=${film##*/}
}

# fail STATUS: count a failure; the first one's status is the script's own.
fail() {
    failed=$((failed + 1))
    [ "$code" -ne 0 ] || code=$1
}

# make OUTPUT ARGUMENT ...: run dubtool, or what DUBTOOL names, unless OUTPUT is there already.
make() {
    if [ -e "$1" ]; then
        skipped=$((skipped + 1))
        return
    fi
    shift
    # Not from our stdin: it may be a list that somebody else reads.
    if "${DUBTOOL:-dubtool}" "$@" </dev/null; then
        done=$((done + 1))
    else
        status=$?
        # Ctrl-C and kill end it all.
        [ "$status" -lt 128 ] || exit "$status"
        fail "$status"
    fi
}

# finish WORD: say how it went, and end.
finish() {
    echo "$done $1, $skipped there already, $failed failed" >&2
    exit "$code"
}
