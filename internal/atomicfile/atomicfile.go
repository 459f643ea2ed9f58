// Package atomicfile writes files so that a reader, or a run after a crash, finds either the old contents or the new
// ones, never a part.
package atomicfile

import (
	"bufio"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Write creates or replaces the file at path with what write produces. The data go to a temporary file in the same
// folder, which is synced and then renamed over path; on any error (of write, of a full disk, of the rename) the
// temporary file is removed and what stood at path before is untouched. The mode is 0644 less the umask.
func Write(path string, write func(w io.Writer) error) error {
	p, err := Create(path, write)
	if err != nil {
		return err
	}
	return p.Commit()
}

// Pending is a file that is on the disk, whole, but under a temporary name. It ends with Commit or Abort.
type Pending struct{ temporary, path string }

// Create is Write without the rename, for several files that belong together.
func Create(path string, write func(w io.Writer) error) (_ *Pending, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	b := bufio.NewWriterSize(f, 1<<20)
	if err = write(b); err != nil {
		return nil, err
	}
	if err = b.Flush(); err != nil {
		return nil, err
	}
	if err = f.Chmod(0o666 &^ umask()); err != nil {
		return nil, err
	}
	if err = f.Sync(); err != nil {
		return nil, err
	}
	if err = f.Close(); err != nil {
		return nil, err
	}
	return &Pending{f.Name(), path}, nil
}

// Commit gives the file its name. On an error the temporary file is removed.
func (p *Pending) Commit() error {
	if err := os.Rename(p.temporary, p.path); err != nil {
		p.Abort()
		return err
	}
	return syncDir(filepath.Dir(p.path))
}

// Abort removes the file. After Commit it does nothing.
func (p *Pending) Abort() { os.Remove(p.temporary) }

// WriteBytes is Write for contents at hand.
func WriteBytes(path string, data []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Dir makes the folder at path with the files that fill puts into the folder that it is given: a hidden one beside path,
// which becomes path at the end, or is removed. The files must be synced, as Write's are; folders in it are synced here.
// It is an error if path is there already and not empty.
func Dir(path string, fill func(dir string) error) error {
	parent := filepath.Dir(path)
	work, err := os.MkdirTemp(parent, "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) // nothing, once it has been renamed
	if err := fill(work); err != nil {
		return err
	}
	if err := os.Chmod(work, 0o777&^umask()); err != nil {
		return err
	}
	err = filepath.WalkDir(work, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(p)
	})
	if err != nil {
		return err
	}
	if err := os.Rename(work, path); err != nil {
		return err
	}
	return syncDir(parent)
}

// Sweep removes the temporary files of writes to path that were killed. No write to path may be under way.
func Sweep(path string) error {
	left, err := filepath.Glob(filepath.Join(escape(filepath.Dir(path)), "."+escape(filepath.Base(path))+".*.tmp"))
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// escape makes a path a pattern that matches itself alone.
func escape(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}
