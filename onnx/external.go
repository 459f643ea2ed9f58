package onnx

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"autodeeplab/onnx/pb"
)

// ErrExternal is wrapped by every error about tensors whose data lie in another file (TensorProto.external_data).
//
// A model names those files itself, and a model is hostile until shown otherwise, so the rules follow ONNX's own
// (docs/ExternalDataSecurity.md): a location is a relative path below the model's folder, without ".." and without
// backslashes; every step of it is a real folder and its end a regular file, no symbolic link even where it stays
// inside; and the file has one name only, since a second hard link may be a file from anywhere else on the disk.
// The kernel-level guard under those rules is os.Root, which no path leaves, whatever changes while it is read.
var ErrExternal = errors.New("bad external data")

// externalRef is a tensor's external_data, parsed.
type externalRef struct {
	location string
	offset   int64
	length   int64  // -1 where not given
	checksum string // SHA-1 of the whole file in hex, "" where not given
}

// parseExternal reads the entries that onnx.proto defines. Others are ignored, as ONNX does: "basepath" is written by
// its own tools.
func parseExternal(entries []*Property) (externalRef, error) {
	ref := externalRef{length: -1}
	seen := make(map[string]bool)
	for _, e := range entries {
		key, value := e.GetKey(), e.GetValue()
		if seen[key] {
			return ref, fmt.Errorf("key %q stands twice", key)
		}
		seen[key] = true
		var err error
		switch key {
		case "location":
			ref.location = value
		case "offset":
			ref.offset, err = parseCount(value)
		case "length":
			ref.length, err = parseCount(value)
		case "checksum":
			ref.checksum = value
		}
		if err != nil {
			return ref, fmt.Errorf("%s %q is no count of bytes", key, value)
		}
	}
	if !seen["location"] {
		return ref, errors.New("it names no location")
	}
	return ref, checkLocation(ref.location)
}

// parseCount reads a number of bytes: decimal digits alone, so that a sign, space or base prefix is an error and never a
// number that another reader takes differently. 63 bits keep the result from turning negative.
func parseCount(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}

// checkLocation refuses every location that is not plainly a path below the model's folder. It judges the text alone,
// the same way on every system; what stands on the disk is openRegular's to check.
func checkLocation(loc string) error {
	var why string
	switch {
	case loc == "":
		why = "is empty"
	case strings.ContainsRune(loc, 0):
		why = "contains a NUL character"
	case strings.Contains(loc, `\`):
		why = "contains a backslash"
	case strings.HasPrefix(loc, "/"), len(loc) > 1 && loc[1] == ':':
		why = "is an absolute path"
	case strings.Contains(loc, ".."): // ONNX refuses the two characters anywhere, and so do we
		why = `contains ".."`
	case !filepath.IsLocal(filepath.FromSlash(loc)), path.Clean(loc) == ".":
		why = "names no file below the model's folder"
	default:
		return nil
	}
	return fmt.Errorf("location %q %s; want a relative path below the model's folder", loc, why)
}

// loadExternal brings the data of m's external tensors into raw_data. limit bounds their sum in bytes.
func loadExternal(m *Model, modelPath string, limit int64) error {
	l := externalLoader{dir: filepath.Dir(modelPath), left: limit, limit: limit}
	defer l.close()
	return eachTensor(m, func(t *TensorPB) error {
		if t.GetDataLocation() != pb.TensorProto_EXTERNAL {
			return nil
		}
		if err := l.load(t); err != nil {
			return fmt.Errorf("%w: tensor %q: %w", ErrExternal, t.GetName(), err)
		}
		return nil
	})
}

// externalLoader keeps the file of the last tensor open, since tensors of one file usually follow one another.
type externalLoader struct {
	dir         string
	left, limit int64
	root        *os.Root // opened at the first external tensor
	file        *os.File
	location    string
	size        int64
	sums        map[string]string // SHA-1 by location
}

// close may be called whether or not anything was opened.
func (l *externalLoader) close() {
	if l.file != nil {
		l.file.Close()
	}
	if l.root != nil {
		l.root.Close()
	}
}

// load fills in one tensor. All that can be known from the model and from the size of the file is checked before memory
// is taken for the data: a short model must not be able to ask for a petabyte.
func (l *externalLoader) load(t *TensorPB) error {
	if field, _ := dataField(t); field != "" {
		return fmt.Errorf("it also holds %s", field)
	}
	ref, err := parseExternal(t.GetExternalData())
	if err != nil {
		return err
	}
	want, err := rawBytes(t)
	if err != nil {
		return err
	}
	if ref.length >= 0 && ref.length != want {
		return fmt.Errorf("length is %d bytes, type and dimensions want %d", ref.length, want)
	}
	if want > l.left || want > math.MaxInt {
		return fmt.Errorf("%w: the model's external tensors have more than %d bytes (--limit external-bytes)", ErrTooLarge, l.limit)
	}
	if err := l.open(ref.location); err != nil {
		return err
	}
	if ref.offset > l.size || want > l.size-ref.offset {
		return fmt.Errorf("bytes %d to %d are wanted of %q, which has %d", ref.offset, satAdd(ref.offset, want), ref.location, l.size)
	}
	if ref.checksum != "" {
		if err := l.verify(ref); err != nil {
			return err
		}
	}
	raw := make([]byte, want)
	if _, err := io.ReadFull(io.NewSectionReader(l.file, ref.offset, want), raw); err != nil {
		return fmt.Errorf("reading %q: %w", ref.location, err)
	}
	l.left -= want
	t.RawData = raw
	t.DataLocation = pb.TensorProto_DEFAULT
	t.ExternalData = nil
	return nil
}

// satAdd adds two counts for an error text, where an overflow must not show.
func satAdd(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// open makes location the current file. The folder is opened once, and every file below it through that handle: if the
// folder is renamed or replaced meanwhile, the tensors still come from one place.
func (l *externalLoader) open(location string) error {
	if l.file != nil && l.location == location {
		return nil
	}
	if l.root == nil {
		root, err := os.OpenRoot(l.dir)
		if err != nil {
			return err
		}
		l.root = root
	}
	f, size, err := openRegular(l.root, location)
	if err != nil {
		return err
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.size, l.location = f, size, location
	return nil
}

// openRegular opens a file below root for reading and refuses links of both kinds and whatever is no regular file.
func openRegular(root *os.Root, location string) (*os.File, int64, error) {
	fail := func(format string, args ...any) (*os.File, int64, error) {
		return nil, 0, fmt.Errorf("location %q: %s", location, fmt.Sprintf(format, args...))
	}
	// os.Root follows links that stay inside, so every step is looked at before the end is opened.
	steps := strings.Split(path.Clean(location), "/")
	var before fs.FileInfo
	for i := range steps {
		part := path.Join(steps[:i+1]...)
		info, err := root.Lstat(part)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fail("there is no such file in the model's folder")
		case err != nil:
			return nil, 0, err
		case info.Mode()&fs.ModeSymlink != 0:
			return fail("%s is a symbolic link; copy the file into the model's folder", part)
		}
		before = info
	}
	if !before.Mode().IsRegular() {
		return fail("it is no regular file")
	}
	f, err := root.Open(location)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !os.SameFile(before, info):
		_, _, err = fail("it was replaced while it was opened")
	case linkCount(info) > 1:
		_, _, err = fail("it has %d hard links; copy the file into the model's folder", linkCount(info))
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// verify compares the SHA-1 that the model states with that of the whole file, which is computed once a file.
func (l *externalLoader) verify(ref externalRef) error {
	sum, done := l.sums[ref.location]
	if !done {
		if l.size > l.limit { // a file of holes is as long as it likes, and is read whole
			return fmt.Errorf("%w: %q has %d bytes, at most %d are read to compare its SHA-1", ErrTooLarge, ref.location, l.size, l.limit)
		}
		h := sha1.New()
		if _, err := io.Copy(h, io.NewSectionReader(l.file, 0, l.size)); err != nil {
			return fmt.Errorf("reading %q: %w", ref.location, err)
		}
		sum = hex.EncodeToString(h.Sum(nil))
		if l.sums == nil {
			l.sums = make(map[string]string)
		}
		l.sums[ref.location] = sum
	}
	if !strings.EqualFold(sum, ref.checksum) {
		return fmt.Errorf("the SHA-1 of %q is %s, the model says %s", ref.location, sum, ref.checksum)
	}
	return nil
}

// elemBits is the width of one element in raw_data, by TensorProto.DataType. It covers the types that a file can name
// but a tensor.Tensor cannot hold, so that a model with such weights can at least be loaded and printed.
var elemBits = map[pb.TensorProto_DataType]int64{
	pb.TensorProto_FLOAT: 32, pb.TensorProto_UINT8: 8, pb.TensorProto_INT8: 8, pb.TensorProto_UINT16: 16,
	pb.TensorProto_INT16: 16, pb.TensorProto_INT32: 32, pb.TensorProto_INT64: 64, pb.TensorProto_BOOL: 8,
	pb.TensorProto_FLOAT16: 16, pb.TensorProto_DOUBLE: 64, pb.TensorProto_UINT32: 32, pb.TensorProto_UINT64: 64,
	pb.TensorProto_COMPLEX64: 64, pb.TensorProto_COMPLEX128: 128, pb.TensorProto_BFLOAT16: 16,
	pb.TensorProto_FLOAT8E4M3FN: 8, pb.TensorProto_FLOAT8E4M3FNUZ: 8, pb.TensorProto_FLOAT8E5M2: 8,
	pb.TensorProto_FLOAT8E5M2FNUZ: 8, pb.TensorProto_FLOAT8E8M0: 8, pb.TensorProto_UINT4: 4, pb.TensorProto_INT4: 4,
	pb.TensorProto_FLOAT4E2M1: 4, pb.TensorProto_UINT2: 2, pb.TensorProto_INT2: 2, pb.TensorProto_FLOAT6E2M3: 6,
	pb.TensorProto_FLOAT6E3M2: 6,
}

// rawBytes is the length that t's type and dimensions give raw_data.
func rawBytes(t *TensorPB) (int64, error) {
	bits, ok := elemBits[pb.TensorProto_DataType(t.GetDataType())]
	if !ok {
		return 0, fmt.Errorf("elements of type %s cannot lie in raw bytes", pb.TensorProto_DataType(t.GetDataType()))
	}
	if i := slices.IndexFunc(t.GetDims(), func(d int64) bool { return d < 0 }); i >= 0 {
		return 0, fmt.Errorf("dimension %d is %d, want 0 or more", i, t.GetDims()[i])
	}
	if slices.Contains(t.GetDims(), 0) {
		return 0, nil
	}
	for _, d := range t.GetDims() {
		if bits > (math.MaxInt64-7)/d {
			return 0, fmt.Errorf("dimensions %v have more bytes than can be counted", t.GetDims())
		}
		bits *= d
	}
	return (bits + 7) / 8, nil
}

// dataField names the field that carries t's data, "" for none; more is true if there are several.
func dataField(t *TensorPB) (field string, more bool) {
	for _, f := range []struct {
		name string
		n    int
	}{
		{"raw_data", len(t.GetRawData())}, {"float_data", len(t.GetFloatData())}, {"int32_data", len(t.GetInt32Data())},
		{"int64_data", len(t.GetInt64Data())}, {"double_data", len(t.GetDoubleData())},
		{"uint64_data", len(t.GetUint64Data())}, {"string_data", len(t.GetStringData())},
	} {
		if f.n > 0 && field != "" {
			return field, true
		}
		if f.n > 0 {
			field = f.name
		}
	}
	return field, false
}
