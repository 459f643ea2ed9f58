package checkpoint

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// zipTensors lists the tensors of a .npz or of a PyTorch file in its zip form.
func zipTensors(r io.ReaderAt, size int64) (Format, []Tensor, error) {
	directory := &countedReader{r: r, left: maxDirectoryBytes}
	z, err := zip.NewReader(directory, size)
	if err != nil {
		return "", nil, fmt.Errorf("damaged zip archive: %w", err)
	}
	directory.left = -1
	numpy := false
	for _, entry := range z.File {
		if path.Base(entry.Name) == "data.pkl" {
			tensors, err := torchTensors(z, entry, size)
			return PyTorch, tensors, err
		}
		numpy = numpy || strings.HasSuffix(entry.Name, npyEnding)
	}
	if !numpy {
		return "", nil, errors.New("a zip archive with neither .npy arrays (NumPy) nor a data.pkl (PyTorch)")
	}
	tensors, err := npzTensors(z)
	return NumPy, tensors, err
}

// readEntry reads a file of an archive that is to have at most limit bytes.
func readEntry(entry *zip.File, limit int64) ([]byte, error) {
	longer := func() error {
		return fmt.Errorf("%s in the archive: longer than %d bytes, the limit", Quote(entry.Name), limit)
	}
	if entry.UncompressedSize64 > uint64(limit) {
		return nil, longer()
	}
	r, err := entry.Open()
	if err != nil {
		return nil, fmt.Errorf("%s in the archive: %w", Quote(entry.Name), err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s in the archive: %w", Quote(entry.Name), err)
	}
	if int64(len(data)) > limit { // it has more than it says
		return nil, longer()
	}
	return data, nil
}

// maxDirectoryBytes bounds the list of an archive's entries, of 46 bytes and a name each, of which package zip makes about
// 300 in memory. It allows 80,000 tensors of PyTorch.
const maxDirectoryBytes = 6 << 20

// countedReader ends with an error when more than left bytes have been read, unless left is negative.
type countedReader struct {
	r    io.ReaderAt
	left int
}

func (c *countedReader) ReadAt(p []byte, at int64) (int, error) {
	if c.left >= 0 {
		if len(p) > c.left {
			return 0, fmt.Errorf("the list of its entries is longer than %d bytes, the limit", maxDirectoryBytes)
		}
		c.left -= len(p)
	}
	return c.r.ReadAt(p, at)
}
