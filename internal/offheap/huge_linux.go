package offheap

import "golang.org/x/sys/unix"

// adviseHuge asks for huge pages, a hint that the system need not heed.
func adviseHuge(m []byte) { _ = unix.Madvise(m, unix.MADV_HUGEPAGE) }
