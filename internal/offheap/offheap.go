// Package offheap keeps large arrays of numbers outside Go's heap. The garbage collector lets the heap grow to twice what
// lives in it before it runs; packed weights and arenas, which live as long as their session, would so let garbage of
// their own size pile up.
package offheap

import (
	"runtime"
	"unsafe"
)

// Block is zeroed memory that begins on a cache line. It is given back to the system when nobody refers to the Block
// any more: whoever uses its memory must keep the Block itself alive (runtime.KeepAlive).
type Block struct {
	bytes []byte
}

// least is the size from which a Block lies outside the heap; smaller ones are not worth a mapping of whole pages.
const least = 1 << 16

// align is a cache line's length.
const align = 64

// New allocates n bytes. Where the system gives none outside the heap, they come from the heap.
func New(n int) *Block {
	b := new(Block)
	if n >= least {
		if m, whole := mapped(n); m != nil {
			b.bytes = m
			runtime.AddCleanup(b, unmap, whole)
			return b
		}
	}
	h := make([]byte, n+align)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(h)))) & (align - 1)
	b.bytes = h[skip : skip+n : skip+n]
	return b
}

// Bytes is the memory.
func (b *Block) Bytes() []byte { return b.bytes }

// Floats is the memory as float32.
func (b *Block) Floats() []float32 {
	if len(b.bytes) < 4 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b.bytes))), len(b.bytes)/4)
}
