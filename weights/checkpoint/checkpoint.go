// Package checkpoint reads named tensors from the files in which other programs keep weights:
//
//	TensorFlow   checkpoints of version 2, PREFIX.index with PREFIX.data-00000-of-00001 … (tensorflow.go, table.go)
//	PyTorch      .pth and .pt as torch.save writes them, in its zip form and in the one before 1.6 (torch.go, pickle.go)
//	safetensors  .safetensors (safetensors.go)
//	NumPy        .npz and .npy (numpy.go)
//
// The kind of a file is told by its contents. Files come from strangers: nothing in them is executed, no damage makes
// the package panic, and listing allocates no more than the file's own size asks for. The elements of a tensor are read
// by [Load], after the caller has seen its shape.
package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"autodeeplab/onnx/tensor"
)

// Format is a kind of file.
type Format string

// The kinds of files.
const (
	TensorFlow  Format = "TensorFlow"
	PyTorch     Format = "PyTorch"
	Safetensors Format = "safetensors"
	NumPy       Format = "NumPy"
)

// Accepted names the kinds of files in a message.
const Accepted = "a TensorFlow checkpoint (PREFIX.index), a PyTorch .pth, a .safetensors, or a NumPy .npz or .npy"

// MaxTensors bounds the tensors of a checkpoint. The paper's largest network with its optimiser has some 2000.
const MaxTensors = 1 << 16

// Tensor is one tensor of a checkpoint, as the file has it.
type Tensor struct {
	Name  string
	Shape []int
	// DType is the elements' type, Undefined where this program has none like it.
	DType tensor.DType
	// Type is the elements' type in the file's own words ("f4", "DT_FLOAT", "Float").
	Type string

	// storage reads the bytes that the elements lie in: exactly the elements in row-major order, or with strides,
	// counted in elements, all from the first to the last.
	storage   func() ([]byte, error)
	strides   []int
	bigEndian bool
}

// String gives name, type and shape.
func (t *Tensor) String() string {
	return fmt.Sprintf("%s %s%s", Quote(t.Name), t.Type, tensor.FormatShape(t.Shape))
}

// File is an open checkpoint.
type File struct {
	Format Format
	// Tensors are in the order of their names. A file may have a name twice.
	Tensors []Tensor
	closers []io.Closer
}

// Close closes the file; tensors cannot be loaded any more.
func (f *File) Close() error {
	var errs []error
	for _, c := range f.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Open opens a checkpoint of any kind and lists its tensors. A TensorFlow checkpoint is named by its prefix
// ("model.ckpt-90000"), by one of its files, or by the folder that holds it. Errors name the file.
func Open(path string) (*File, error) {
	prefix, isTensorFlow, err := tensorFlowPrefix(path)
	if err != nil {
		return nil, err
	}
	if isTensorFlow {
		return openTensorFlow(prefix)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, plain(path, err)
	}
	f, err := openFile(file, path)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.closers = append(f.closers, file)
	return f, nil
}

func openFile(file *os.File, path string) (*File, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a file (want %s)", Accepted)
	}
	return Read(file, info.Size(), path)
}

// plain drops the system call's name from an error of package os.
func plain(path string, err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// Read is [Open] for a checkpoint that is one file of size bytes, which r must serve as long as tensors are to be
// loaded. name is the file's; that of a .npy's array follows from it. Errors do not name the file.
func Read(r io.ReaderAt, size int64, name string) (*File, error) {
	head := make([]byte, 264)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	f := &File{}
	switch head = head[:n]; {
	case n == 0:
		return nil, errors.New("the file is empty")
	case bytes.HasPrefix(head, []byte(npyMagic)):
		f.Format = NumPy
		base := filepath.Base(name)
		f.Tensors, err = npyTensor(strings.TrimSuffix(base, filepath.Ext(base)), r, size)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		f.Format, f.Tensors, err = zipTensors(r, size)
	case head[0] == 0x80: // a pickle's first opcode, PROTO
		f.Format = PyTorch
		f.Tensors, err = legacyTensors(r, size)
	case n > 8 && head[8] == '{':
		f.Format = Safetensors
		f.Tensors, err = safetensorsTensors(r, size)
	case n > 262 && string(head[257:262]) == "ustar":
		err = errors.New("a tar archive, the form of PyTorch before 0.1.10: save it again with a later one")
	case endsInTableMagic(r, size):
		err = errors.New("a TensorFlow table outside a checkpoint of version 2 (want PREFIX.index beside PREFIX.data-00000-of-00001; " +
			"version 1, of TensorFlow before 0.12, can be saved again with tf.train.Saver)")
	default:
		err = fmt.Errorf("neither %s", strings.Replace(Accepted, ", or", ", nor", 1))
	}
	if err != nil {
		return nil, err
	}
	if len(f.Tensors) > MaxTensors {
		return nil, fmt.Errorf("%d tensors, want at most %d", len(f.Tensors), MaxTensors)
	}
	sortTensors(f.Tensors)
	return f, nil
}

func sortTensors(tensors []Tensor) {
	slices.SortStableFunc(tensors, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
}

// Load reads a tensor's elements, row-major, and converts them. It is an error if they are not floating-point numbers. It
// allocates what the shape asks for, which a file can claim at no cost: look at the shape first.
func Load[T float32 | float64](t *Tensor) ([]T, error) {
	at, width := t.decoder()
	if width == 0 {
		return nil, fmt.Errorf("elements of type %s (want float16, bfloat16, float32 or float64)", Quote(t.Type))
	}
	n, err := tensor.NumElems(t.Shape)
	if err != nil {
		return nil, err
	}
	raw, err := t.storage()
	if err != nil {
		return nil, err
	}
	out := make([]T, 0, n)
	if t.strides == nil {
		if len(raw)/width != n || len(raw)%width != 0 {
			return nil, fmt.Errorf("%d bytes of elements, where the shape %s takes %d", len(raw), tensor.FormatShape(t.Shape), n*width)
		}
		for i := range n {
			out = append(out, T(at(raw[i*width:])))
		}
		return out, nil
	}
	walk(t.Shape, t.strides, 0, func(i int) { out = append(out, T(at(raw[i*width:]))) })
	return out, nil
}

// decoder gives the function that reads the element at the start of some bytes, and its width; 0 for no float.
func (t *Tensor) decoder() (at func(b []byte) float64, width int) {
	var order binary.ByteOrder = binary.LittleEndian
	if t.bigEndian {
		order = binary.BigEndian
	}
	switch t.DType {
	case tensor.Float32:
		at = func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }
	case tensor.Float64:
		at = func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }
	case tensor.Float16:
		at = func(b []byte) float64 { return float64(tensor.F16(order.Uint16(b)).Float32()) }
	case tensor.BFloat16:
		at = func(b []byte) float64 { return float64(tensor.BF16(order.Uint16(b)).Float32()) }
	default:
		return nil, 0
	}
	return at, t.DType.Size()
}

// walk visits the places of a strided array's elements in row-major order.
func walk(shape, strides []int, offset int, visit func(offset int)) {
	if len(shape) == 0 {
		visit(offset)
		return
	}
	for i := range shape[0] {
		walk(shape[1:], strides[1:], offset+i*strides[0], visit)
	}
}

// checkShape bounds a shape that a file gives: no axis negative, no product over that of any network.
func checkShape(shape []int) (elements int, err error) {
	const most = 1 << 40
	n, err := tensor.NumElems(shape)
	if err != nil || n > most || len(shape) > 16 {
		return 0, fmt.Errorf("shape %.60s, which no tensor has", tensor.FormatShape(shape))
	}
	return n, nil
}

// readExactly reads n bytes. Memory grows with what there is, not with what is asked for.
func readExactly(r io.Reader, n int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, n))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) < n:
		return nil, errCutOff
	}
	return data, nil
}

var errCutOff = errors.New("its elements are cut off")

// Quote gives a name from a file for a message: cut to a length, its control characters escaped.
func Quote(s string) string {
	const most = 120
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q…", strings.ToValidUTF8(s[:most], ""))
}
