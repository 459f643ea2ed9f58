//go:build unix

package atomicfile

import (
	"os"
	"sync"
	"syscall"
)

// umask reads the process's file mode mask. Reading means setting, so it is done once, before files are made.
var umask = sync.OnceValue(func() os.FileMode {
	m := syscall.Umask(0)
	syscall.Umask(m)
	return os.FileMode(m)
})

// syncDir makes the rename itself last. Some file systems cannot sync a folder; the file's contents are safe without.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}
