//go:build unix

package offheap

import "golang.org/x/sys/unix"

// mapped asks the system for n bytes; nil if it has none.
func mapped(n int) []byte {
	m, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil
	}
	return m
}

func unmap(m []byte) { _ = unix.Munmap(m) }
