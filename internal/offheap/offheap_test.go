package offheap

import (
	"runtime"
	"testing"
	"unsafe"
)

func TestBlock(t *testing.T) {
	for _, n := range []int{0, 3, 4, 63, least - 1, least, least + 5, 1 << 22} {
		b := New(n)
		if len(b.Bytes()) != n || len(b.Floats()) != n/4 {
			t.Fatalf("%d bytes: got %d, and %d floats", n, len(b.Bytes()), len(b.Floats()))
		}
		if n > 0 && uintptr(unsafe.Pointer(&b.Bytes()[0]))%align != 0 {
			t.Errorf("%d bytes do not begin on a cache line", n)
		}
		for i, v := range b.Bytes() {
			if v != 0 {
				t.Fatalf("%d bytes: byte %d is %d", n, i, v)
			}
			b.Bytes()[i] = byte(i)
		}
	}
}

// TestGivenBack makes far more blocks than fit the address space of any limit that a test machine has, one at a time.
func TestGivenBack(t *testing.T) {
	for range 64 {
		b := New(1 << 30) // pages that are never touched cost nothing
		b.Bytes()[0] = 1
		runtime.KeepAlive(b)
		runtime.GC()
	}
}
