package kernel

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Pool spreads index ranges over a fixed number of goroutines. The caller of For always works too, so a Pool of one
// thread starts no goroutine, and calls of For from several goroutines at once (or from within a body) never deadlock:
// at worst a caller does all its chunks itself.
type Pool struct {
	threads int
	jobs    chan *job
	once    sync.Once
}

// spinTime is how long a goroutine of a pool looks for work, or for the end of others' work, before it sleeps. A network
// is hundreds of calls of For one right after the other, many of which take less time than it takes to be woken.
const spinTime = 200 * time.Microsecond

// job is one call of For; workers take chunks from it until none is left.
type job struct {
	body     func(worker, lo, hi int)
	n, grain int
	next     atomic.Int64
	worker   atomic.Int64
	sent     atomic.Int64  // times that the job is in the queue or being run from there
	asleep   atomic.Bool   // the caller waits on wake
	wake     chan struct{} // room for one
	failed   atomic.Pointer[Panic]
}

// jobs are kept for the next calls of For: a run of a network makes hundreds.
var jobs = sync.Pool{New: func() any { return &job{wake: make(chan struct{}, 1)} }}

// Panic carries a panic of a body from a worker goroutine to the caller of For, where it is raised again.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprint(p.Value) }

// NewPool makes a pool that works with up to threads goroutines, the caller's among them; less than 1 counts as 1.
func NewPool(threads int) *Pool {
	p := &Pool{threads: max(threads, 1)}
	if p.threads > 1 {
		p.jobs = make(chan *job, 4*p.threads)
		for range p.threads - 1 {
			go p.work()
		}
	}
	return p
}

// work is what each of the pool's goroutines does.
func (p *Pool) work() {
	for {
		j, open := p.receive()
		if !open {
			return
		}
		j.run()
		j.end()
	}
}

// receive waits for a job, and looks out for one for a while before it sleeps. open is false when the pool is closed.
func (p *Pool) receive() (j *job, open bool) {
	if p.spins() {
		for began := time.Now(); time.Since(began) < spinTime; {
			for range 32 {
				select {
				case j, open = <-p.jobs:
					return j, open
				default:
				}
			}
		}
	}
	j, open = <-p.jobs
	return j, open
}

// spins reports whether there is a processor for each goroutine of the pool: where there is not, looking out for work
// keeps others from doing it.
func (p *Pool) spins() bool { return runtime.GOMAXPROCS(0) >= p.threads }

// Threads is the number of goroutines that may work on one call of For; worker numbers are below it.
func (p *Pool) Threads() int { return p.threads }

// Close ends the pool's goroutines. No For may be running or start afterwards.
func (p *Pool) Close() {
	p.once.Do(func() {
		if p.jobs != nil {
			close(p.jobs)
		}
	})
}

// For calls body with disjoint ranges [lo, hi) that cover [0, n), each of at most grain indices, on up to Threads
// goroutines, and returns when all are done. worker is below Threads and no two bodies that run at the same time within
// one call share it, so it can index scratch memory. Which worker gets which range is not determined: a body must
// compute the same values however the ranges are cut. A panic in a body is raised again in the caller, as a *Panic.
func (p *Pool) For(n, grain int, body func(worker, lo, hi int)) {
	if n <= 0 {
		return
	}
	grain = max(grain, 1)
	chunks := (n + grain - 1) / grain
	if p.threads == 1 || chunks == 1 {
		for lo := 0; lo < n; lo += grain {
			body(0, lo, min(lo+grain, n))
		}
		return
	}
	j := jobs.Get().(*job)
	j.body, j.n, j.grain = body, n, grain
	for range min(p.threads, chunks) - 1 {
		j.sent.Add(1)
		select {
		case p.jobs <- j:
			continue
		default: // every worker is busy and the queue is full: the caller does it
			j.sent.Add(-1)
		}
		break
	}
	j.run()
	p.wait(j)
	f := j.failed.Load()
	j.body = nil
	j.next.Store(0)
	j.worker.Store(0)
	j.failed.Store(nil)
	jobs.Put(j)
	if f != nil {
		panic(f)
	}
}

// wait returns when nobody works on j any more and it is not in the queue. What is in the queue the caller takes out and
// does itself, be it another caller's: no worker has been awake to take it.
func (p *Pool) wait(j *job) {
	began, spins := time.Now(), p.spins()
	for j.sent.Load() > 0 {
		select {
		case other := <-p.jobs:
			other.run()
			other.end()
			continue
		default:
		}
		if spins && time.Since(began) < spinTime {
			continue
		}
		j.asleep.Store(true)
		if j.sent.Load() > 0 || !j.asleep.CompareAndSwap(true, false) {
			<-j.wake
		}
	}
}

// end is called by each goroutine that has taken j from the queue, when it has run it. It does not touch j afterwards
// unless the caller waits for it.
func (j *job) end() {
	wake := j.wake
	if j.sent.Add(-1) == 0 && j.asleep.CompareAndSwap(true, false) {
		wake <- struct{}{}
	}
}

func (j *job) run() {
	defer func() {
		if v := recover(); v != nil {
			f, ok := v.(*Panic)
			if !ok {
				f = &Panic{Value: v, Stack: debug.Stack()}
			}
			j.failed.CompareAndSwap(nil, f)
		}
	}()
	w := int(j.worker.Add(1)) - 1
	for j.failed.Load() == nil {
		lo := int(j.next.Add(int64(j.grain))) - j.grain
		if lo >= j.n {
			return
		}
		j.body(w, lo, min(lo+j.grain, j.n))
	}
}
