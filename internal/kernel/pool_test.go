package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestPool counts how often each index is visited, by calls from several goroutines and from within bodies, on pools with
// and without a processor for each goroutine.
func TestPool(t *testing.T) {
	for _, procs := range []int{1, 2, 4} {
		before := runtime.GOMAXPROCS(procs)
		for _, threads := range []int{1, 2, 3} {
			p := NewPool(threads)
			var callers sync.WaitGroup
			for range 4 {
				callers.Go(func() {
					for n := range 60 {
						seen := make([]atomic.Int32, n)
						inner := new(atomic.Int32)
						p.For(n, 1+n%3, func(worker, lo, hi int) {
							if worker < 0 || worker >= threads {
								t.Errorf("worker %d of %d", worker, threads)
							}
							for i := lo; i < hi; i++ {
								seen[i].Add(1)
							}
							p.For(3, 1, func(_, lo, hi int) { inner.Add(int32(hi - lo)) })
						})
						for i := range seen {
							if seen[i].Load() != 1 {
								t.Errorf("%d threads: index %d of %d visited %d times", threads, i, n, seen[i].Load())
							}
						}
						if want := int32(3 * ceilDiv(n, 1+n%3)); inner.Load() != want {
							t.Errorf("%d threads: %d inner indices, want %d", threads, inner.Load(), want)
						}
					}
				})
			}
			callers.Wait()
			p.Close()
		}
		runtime.GOMAXPROCS(before)
	}
}

// TestPoolPanics wants a panic of any body in its caller, and the pool in order afterwards.
func TestPoolPanics(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for bad := range 10 {
		func() {
			defer func() {
				if f, ok := recover().(*Panic); !ok || f.Value != "no" || len(f.Stack) == 0 {
					t.Errorf("recovered %v", f)
				}
			}()
			p.For(10, 1, func(_, lo, _ int) {
				if lo == bad {
					panic("no")
				}
			})
		}()
		sum := new(atomic.Int32)
		p.For(10, 1, func(_, lo, _ int) { sum.Add(int32(lo)) })
		if sum.Load() != 45 {
			t.Errorf("after a panic the indices add up to %d", sum.Load())
		}
	}
}

// TestPoolSleeps lets the caller wait longer for a worker, and a worker for the next call, than either looks out.
func TestPoolSleeps(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for range 3 {
		sum := new(atomic.Int32)
		p.For(2, 1, func(_, lo, _ int) {
			time.Sleep(time.Duration(lo) * 20 * spinTime)
			sum.Add(1)
		})
		if sum.Load() != 2 {
			t.Errorf("%d bodies have run when For returns, want 2", sum.Load())
		}
		time.Sleep(20 * spinTime)
	}
}

// BenchmarkPool is the cost of a call of For with next to nothing to do.
func BenchmarkPool(b *testing.B) {
	p := NewPool(2)
	defer p.Close()
	b.ReportAllocs()
	sum := new(atomic.Int64)
	body := func(_, lo, hi int) { sum.Add(int64(hi - lo)) }
	for b.Loop() {
		p.For(8, 1, body)
	}
}
