package kernel

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Pool spreads index ranges over a fixed number of goroutines. The caller of For always works too, so a Pool of one
// thread starts no goroutine, and calls of For from several goroutines at once (or from within a body) never deadlock:
// at worst a caller does all its chunks itself.
type Pool struct {
	threads int
	jobs    chan *job
	once    sync.Once
}

// job is one call of For; workers take chunks from it until none is left.
type job struct {
	body     func(worker, lo, hi int)
	n, grain int
	next     atomic.Int64
	worker   atomic.Int64
	done     sync.WaitGroup
	failed   atomic.Pointer[Panic]
}

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
			go func() {
				for j := range p.jobs {
					j.run()
					j.done.Done()
				}
			}()
		}
	}
	return p
}

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
	j := &job{body: body, n: n, grain: grain}
	for range min(p.threads, chunks) - 1 {
		j.done.Add(1)
		select {
		case p.jobs <- j:
			continue
		default: // every worker is busy and the queue is full: the caller does it
			j.done.Done()
		}
		break
	}
	j.run()
	j.done.Wait()
	if f := j.failed.Load(); f != nil {
		panic(f)
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
