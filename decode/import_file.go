package decode

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// importFile is an open file with the arrays in it.
type importFile struct {
	arrays []array
	closer io.Closer
}

// Close closes the file; arrays that were not loaded cannot be any more.
func (f *importFile) Close() error { return f.closer.Close() }

const acceptedFiles = "a relaxation.safetensors, a NumPy .npz or .npy, or a PyTorch .pth"

// openImport opens a file of any accepted kind. own says that it is safetensors, which is left to [ReadRelaxation]; no
// file is open then.
func openImport(name string) (f *importFile, own bool, err error) {
	file, err := os.Open(name)
	if err != nil {
		var pathErr *os.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err // the caller names the file
		}
		return nil, false, err
	}
	defer func() {
		if f == nil {
			file.Close()
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, false, err
	}
	if !info.Mode().IsRegular() {
		return nil, false, fmt.Errorf("not a file (want %s)", acceptedFiles)
	}
	arrays, own, err := sniff(file, info.Size(), name)
	if err != nil || own {
		return nil, own, err
	}
	return &importFile{arrays: arrays, closer: file}, false, nil
}

// sniff tells a file's kind by its first bytes and lists its arrays. name is that of the file, for the array of a .npy.
func sniff(r io.ReaderAt, size int64, name string) (arrays []array, own bool, err error) {
	head := make([]byte, 264)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	switch head = head[:n]; {
	case n == 0:
		return nil, false, errors.New("the file is empty")
	case bytes.HasPrefix(head, []byte(npyMagic)):
		base := filepath.Base(name)
		a, err := npyArray(strings.TrimSuffix(base, filepath.Ext(base)), io.NewSectionReader(r, 0, size))
		return []array{a}, false, err
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		arrays, err = zipArrays(r, size)
		return arrays, false, err
	case head[0] == 0x80: // a pickle's first opcode, PROTO
		arrays, err = legacyArrays(r, size)
		return arrays, false, err
	case n > 8 && head[8] == '{':
		return nil, true, nil
	case n > 262 && string(head[257:262]) == "ustar":
		return nil, false, errors.New("a tar archive, the form of PyTorch before 0.1.10: save it again with a later one")
	}
	return nil, false, fmt.Errorf("neither %s", strings.Replace(acceptedFiles, ", or", ", nor", 1))
}

// zipArrays lists the arrays of a .npz or of a PyTorch file in its zip form.
func zipArrays(r io.ReaderAt, size int64) ([]array, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("damaged zip archive: %w", err)
	}
	numpy := false
	for _, entry := range z.File {
		if path.Base(entry.Name) == "data.pkl" {
			return torchArrays(z, entry)
		}
		numpy = numpy || strings.HasSuffix(entry.Name, npyEnding)
	}
	if !numpy {
		return nil, errors.New("a zip archive with neither .npy arrays (NumPy) nor a data.pkl (PyTorch)")
	}
	return npzArrays(z)
}

// readEntry reads a file of an archive that is to have at most limit bytes.
func readEntry(entry *zip.File, limit int64) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, fmt.Errorf("%s in the archive: %w", quote(entry.Name), err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s in the archive: %w", quote(entry.Name), err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s in the archive: longer than %d bytes, the limit", quote(entry.Name), limit)
	}
	return data, nil
}
