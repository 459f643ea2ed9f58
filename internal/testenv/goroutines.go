package testenv

import (
	"runtime"
	"testing"
	"time"
)

// Goroutines fails the test, when it ends, if there are more goroutines than now: something outlived what started it. It
// must be called first, before cleanups that end goroutines, and not by tests that run in parallel with others.
func Goroutines(t testing.TB) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		deadline := time.Now().Add(5 * time.Second)
		for runtime.NumGoroutine() > before { // one that has been told to end may need a moment
			if time.Now().After(deadline) {
				stacks := make([]byte, 1<<16)
				t.Errorf("%d goroutines, and there were %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
}
