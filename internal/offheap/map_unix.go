//go:build unix

package offheap

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of the pages that blocks ask for if they are so large: of a matrix whose rows lie kilobytes apart
// a product reads more small pages at a time than the processor remembers the places of.
const hugePage = 2 << 20

// mapped asks the system for n bytes, nil if it has none, and tells what to unmap in the end.
func mapped(n int) (m, whole []byte) {
	align := 0
	if n >= hugePage {
		align = hugePage // address space only: what nobody touches has no memory
	}
	whole, err := unix.Mmap(-1, 0, n+align, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, nil
	}
	if align == 0 {
		return whole, whole
	}
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(whole)))) & (align - 1)
	m = whole[skip : skip+n : skip+n]
	adviseHuge(m)
	return m, whole
}

func unmap(m []byte) { _ = unix.Munmap(m) }
