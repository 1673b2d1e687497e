#!/bin/sh
# Tells how the Slurm job $1 is doing, in the words of Snakemake's executor `cluster-generic`: running, success or failed.
#
# Snakemake asks once for each job and each round. The answer comes from lists in .snakemake that hold all jobs: one squeue
# each CANARY_WF_QUEUE_SECONDS (5), whether it answers or not, and behind it one sacct for all jobs that it does not know.
# A job that is in no list yet counts as running until the next round: it was submitted since, or forgotten by the
# controller, and only a new list tells. One that has left the queue, and of which sacct says round after round that it
# lives, is over: Snakemake looks for its result itself.
queue=.snakemake/canary-wf-queue     # id|state, what squeue answered last
ended=.snakemake/canary-wf-ended     # id|state, how jobs ended that squeue did not know, the newest last
lost=.snakemake/canary-wf-lost       # id|rounds, of jobs that only sacct takes for living
strange=.snakemake/canary-wf-strange # id|state, of states that are not known here and were told
unknown=.snakemake/canary-wf-unknown # ids, of jobs that were asked after and stand in neither list
asked=.snakemake/canary-wf-asked     # its time is that of the last squeue
rounds=4                             # of being in no queue, after which a job is over whatever sacct says
kept=10000                           # ends that are remembered
seconds=${CANARY_WF_QUEUE_SECONDS:-5}
case $seconds in *[!0-9]*) seconds=5 ;; esac

state_in() { # the last word counts: a requeued job stands there once for each time
    [ -r "$1" ] && sed -n "s/^$2|//p" "$1" | tail -n 1
}

kind_of() { # a state of the section "JOB STATE CODES" of the manuals of squeue and sacct, cut short or not
    case $1 in
        BOOT_FAIL* | CANCELLED* | DEADLINE* | EXPIRED* | FAILED* | LAUNCH_FAIL* | NODE_FAIL* | OUT_OF_ME* | PREEMPTED* | \
            RECONFIG_FAIL* | REVOKED* | TIMEOUT*) echo failed ;;
        COMPLETED*) echo success ;;
        COMPLETING* | CONFIGURING* | PENDING* | POWER_UP_NODE* | REQUEUE* | RESIZING* | RESV_DEL_HOLD* | RUNNING* | \
            SIGNALING* | SPECIAL_EXIT* | STAGE_OUT* | STOPPED* | SUSPENDED* | UPDATE_DB*) echo running ;;
        *) echo unknown ;;
    esac
}

is_due() { # by the clock of the file system; where that was set back, at once
    then=$(stat -c %Y "$asked" 2>/dev/null) || return 0
    touch "$asked.$$" && now=$(stat -c %Y "$asked.$$") || now=$(date +%s)
    rm -f "$asked.$$"
    [ $((now - then)) -ge "$seconds" ] || [ "$now" -lt "$then" ]
}

as_list() { # of what Slurm answers, only lines of an id and a state; states in capitals
    sed -n 's/^ *\([0-9][0-9_]*\) *| *\([A-Za-z_][^|]*\)$/\1|\2/p' | tr '[:lower:]' '[:upper:]'
}

ask_squeue() { # a controller that does not answer leaves the old list in place
    touch "$asked"
    [ "$seconds" = "${CANARY_WF_QUEUE_SECONDS:-5}" ] ||
        echo "canary-wf: CANARY_WF_QUEUE_SECONDS=$CANARY_WF_QUEUE_SECONDS is not a whole number: taken for $seconds" >&2
    if squeue --noheader --me --array --states=all --format='%i|%T' >"$queue.$$" 2>/dev/null; then
        as_list <"$queue.$$" >"$queue.new.$$"
        mv -f "$queue.new.$$" "$queue"
        rm -f "$queue.$$"
    else
        rm -f "$queue.$$"
        return 1
    fi
}

ask_sacct() { # all that were unknown before the newest list was made, and still are, have left the queue
    [ -s "$unknown" ] || return 0
    while read -r job; do
        [ -n "$(state_in "$queue" "$job")" ] || echo "$job"
    done <"$unknown" >"$unknown.$$"
    if [ -s "$unknown.$$" ]; then
        jobs=$(paste -s -d , "$unknown.$$")
        sacct --noheader --parsable2 --allocations --jobs="$jobs" --format=JobID,State 2>/dev/null |
            as_list >"$ended.said.$$"
        while read -r job; do note_end "$job" "$(state_in "$ended.said.$$" "$job")"; done <"$unknown.$$"
        rm -f "$ended.said.$$"
    fi
    rm -f "$unknown.$$" "$unknown"
}

note_end() { # of job $1, which is in no queue, and of which sacct says $2
    case $(kind_of "${2:-COMPLETED}") in # nobody knows it any more, so it is over
        success | failed) end=${2:-COMPLETED} ;;
        *)
            times=$(($(state_in "$lost" "$1" || echo 0) + 1))
            echo "$1|$times" >>"$lost"
            [ "$times" -ge "$rounds" ] || return 0
            echo "canary-wf: Slurm job $1 is in no queue, and sacct says $2: taken for over" >&2
            end=COMPLETED
            ;;
    esac
    { [ ! -r "$ended" ] || grep -v "^$1|" "$ended" | tail -n "$kept"; echo "$1|$end"; } >"$ended.$$"
    mv -f "$ended.$$" "$ended"
    [ ! -r "$lost" ] || { grep -v "^$1|" "$lost" >"$lost.$$"; mv -f "$lost.$$" "$lost"; }
}

if is_due && ask_squeue; then
    ask_sacct
fi
state=$(state_in "$queue" "$1")
if [ -n "$state" ]; then
    kind=$(kind_of "$state")
    if [ "$kind" = unknown ]; then # what is in the queue lives, as far as anybody knows; who can tell what it is should
        grep -qx "$1|$state" "$strange" 2>/dev/null || {
            echo "$1|$state" >>"$strange"
            echo "canary-wf: squeue says $state of Slurm job $1, a state that is not known here: taken for running" >&2
        }
        kind=running
    fi
else
    state=$(state_in "$ended" "$1")
    kind=running
    [ -z "$state" ] || kind=$(kind_of "$state")
    [ -n "$state" ] || grep -qx "$1" "$unknown" 2>/dev/null || echo "$1" >>"$unknown"
fi
echo "$kind"
