"""The packet thread's place in the queue for a processor.

Theory of operation. The thread works for a millisecond or two at a time and sleeps in between. On a machine where others want
the processor too (a hundred who join at once, an export beside it), an ordinary thread that wakes up waits for its turn
behind them, 3 to 10 ms each time, and everybody's sound with it. A real-time thread (SCHED_RR, at the lowest of its
priorities) runs at once. It cannot take the machine away: the kernel keeps 5 % of each processor for others
(sched_rt_runtime_us, and since Linux 6.12 the fair server), and on a machine of one processor, where 5 % would be all that
is left to whoever joins, it is not asked for.

Both need a permission (CAP_SYS_NICE, or the limits RLIMIT_RTPRIO and RLIMIT_NICE). Without it the thread runs as it is: that costs
delay on a busy machine and nothing else, so it is no error.
"""

cdef extern from "<sched.h>" nogil:
    cdef struct sched_param:
        int sched_priority
    int sched_setscheduler(int pid, int policy, const sched_param *param)
    int SCHED_RR, SCHED_RESET_ON_FORK

cdef extern from "<sys/resource.h>" nogil:
    int setpriority(int which, unsigned int who, int value)
    int PRIO_PROCESS

cdef extern from "<sys/prctl.h>" nogil:
    int prctl(int option, unsigned long value)
    int PR_SET_TIMERSLACK

cdef extern from "<unistd.h>" nogil:
    long sysconf(int name)
    int _SC_NPROCESSORS_ONLN

cdef enum:
    LOWEST_REALTIME = 1
    NICE = -10                  # about ten times the weight of an ordinary thread
    TIMER_SLACK_NS = 1000       # the kernel's 50 µs would be half of what a control call is given way for


cdef bint take_realtime() noexcept nogil:
    cdef sched_param param
    param.sched_priority = LOWEST_REALTIME
    # pid 0 is the calling thread; on Linux all of these are of threads
    return sysconf(_SC_NPROCESSORS_ONLN) > 1 and sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param) == 0


cdef int priority_take(int wanted) noexcept nogil:
    if wanted == PRIORITY_REALTIME and take_realtime():
        return PRIORITY_REALTIME
    if wanted >= PRIORITY_HIGH and setpriority(PRIO_PROCESS, 0, NICE) == 0:
        return PRIORITY_HIGH
    return PRIORITY_NORMAL


cdef void priority_sharpen_timers() noexcept nogil:
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS)
