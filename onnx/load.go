package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"autodeeplab/onnx/pb"
)

// Default limits of LoadOptions. A protobuf message cannot be larger than 2 GiB less one byte by its own definition.
const (
	DefaultMaxProto    = math.MaxInt32
	DefaultMaxExternal = 16 << 30
)

// MaxNesting is how deep messages may stand in one another (subgraphs in attributes in nodes …). It is the depth at
// which protobuf's C++ and Python libraries, and so ONNX itself, stop reading.
const MaxNesting = 100

var (
	// ErrNotModel is wrapped by every error for data that are no ONNX model at all.
	ErrNotModel = errors.New("not an ONNX model")
	// ErrTooLarge is wrapped by every error that refuses a model for its size in bytes.
	ErrTooLarge = errors.New("too large")
)

// LoadOptions bounds what Load and Unmarshal accept. The zero value means the defaults.
type LoadOptions struct {
	// MaxProto is the largest protobuf message in bytes; 0 means DefaultMaxProto.
	MaxProto int64
	// MaxExternal bounds the sum of all tensors in external files in bytes; 0 means DefaultMaxExternal.
	MaxExternal int64
	// MaxParts, MaxText and MaxGrowth bound what decoding makes of the file; 0 means DefaultMaxParts, DefaultMaxText and
	// DefaultMaxGrowth, which say more.
	MaxParts, MaxText, MaxGrowth int
}

// maxProto is the limit in force. Sizes are compared as int64 and used as int, so it also fits the latter, with one to
// spare for reading past it.
func (o LoadOptions) maxProto() int64 {
	if o.MaxProto > 0 {
		return min(o.MaxProto, math.MaxInt-1)
	}
	return DefaultMaxProto
}

// maxExternal is the limit in force.
func (o LoadOptions) maxExternal() int64 {
	if o.MaxExternal > 0 {
		return o.MaxExternal
	}
	return DefaultMaxExternal
}

// Load reads the ONNX model at path, and the tensors that it keeps in external files: these are only ever looked for
// inside the folder of path (see ErrExternal for what is refused). In the model that Load returns every tensor carries
// its own data.
//
// Load decides whether the file is a model; whether the model is a correct one is for the package onnx/check to say.
// Errors begin with path and fit one line. They wrap ErrNotModel, ErrTooLarge, ErrExternal or what the operating
// system said.
func Load(path string, o LoadOptions) (*Model, error) {
	m, err := load(path, o)
	if err != nil {
		// The operating system's errors name the path already.
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) && pathErr.Path == path {
			err = pathErr.Err
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// load is Load without the path in front of its errors.
func load(path string, o LoadOptions) (*Model, error) {
	data, err := readFile(path, o.maxProto())
	if err != nil {
		return nil, err
	}
	m, err := decodeModel(data, o)
	if err != nil {
		return nil, err
	}
	if err := loadExternal(m, path, o.maxExternal()); err != nil {
		return nil, err
	}
	return m, nil
}

// Unmarshal reads a model from the bytes of an .onnx file. The model shares memory with data (its large tensors are
// not copied), so data must not be changed afterwards. A model with external tensors is an error that wraps
// ErrExternal, since there is no folder to look in.
func Unmarshal(data []byte, o LoadOptions) (*Model, error) {
	if err := checkSize(int64(len(data)), o.maxProto()); err != nil {
		return nil, err
	}
	m, err := decodeModel(data, o)
	if err != nil {
		return nil, err
	}
	err = eachTensor(m, func(t *TensorPB) error {
		if t.GetDataLocation() == pb.TensorProto_EXTERNAL {
			return fmt.Errorf("%w: tensor %q is in another file; use Load with the model's path", ErrExternal, t.GetName())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// readFile reads at most limit bytes, in one allocation of the right size where the file is a regular one.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%w: it is a folder", ErrNotModel)
	case info.Mode().IsRegular():
		if err := checkSize(info.Size(), limit); err != nil {
			return nil, err
		}
		data := make([]byte, info.Size())
		if _, err := io.ReadFull(f, data); err != nil {
			return nil, err
		}
		return data, nil
	}
	// A pipe or a device: its size is known only at its end.
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	return data, checkSize(int64(len(data)), limit)
}

// checkSize is the one place that compares a file with its limit.
func checkSize(n, limit int64) error {
	if n > limit {
		return fmt.Errorf("%w: %d bytes, at most %d are allowed (--limit model-bytes)", ErrTooLarge, n, limit)
	}
	return nil
}

// decodeModel turns the bytes of a file into messages and holds what a model cannot do without.
func decodeModel(data []byte, o LoadOptions) (*Model, error) {
	if err := o.checkBudget(data, (*Model)(nil).ProtoReflect().Descriptor()); err != nil {
		return nil, err
	}
	m, reason := decodeMessage(data)
	if reason == "" {
		return m, nil
	}
	if kind := foreignKind(data); kind != "" {
		reason = "it looks like " + kind
	}
	return nil, fmt.Errorf("%w: %s", ErrNotModel, reason)
}

// decodeMessage gives the reason where it cannot give a model.
func decodeMessage(data []byte) (m *Model, reason string) {
	if len(data) == 0 {
		return nil, "empty file"
	}
	small, blobs, err := splitBlobs(data)
	if err != nil {
		return nil, err.Error()
	}
	m = new(Model)
	if err := (proto.UnmarshalOptions{RecursionLimit: MaxNesting}).Unmarshal(small, m); err != nil {
		return nil, unmarshalReason(err)
	}
	joinBlobs(m, blobs)
	switch {
	case m.GetGraph() == nil:
		return nil, "it has no graph"
	case len(m.GetOpsetImport()) == 0:
		return nil, "it imports no operator set"
	}
	return m, ""
}

// unmarshalReason puts protobuf's error, whose wording changes from run to run by design, into fixed words.
func unmarshalReason(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "UTF-8"):
		return "a name or text in it is not valid UTF-8"
	case strings.Contains(text, "recursion"):
		return fmt.Sprintf("messages are nested more than %d deep", MaxNesting)
	}
	return "its protobuf message is damaged"
}

// foreignKinds are the beginnings of files that people take for a model by mistake. ONNX has no magic number of its
// own, so they only explain why decoding failed.
var foreignKinds = []struct{ magic, kind string }{
	{"\x89PNG", "a PNG image"},
	{"\xff\xd8\xff", "a JPEG image"},
	{"PK\x03\x04", "a ZIP archive (a PyTorch checkpoint is one; export it to ONNX first)"},
	{"\x80\x02", "a Python pickle (a PyTorch checkpoint is one; export it to ONNX first)"},
	{"\x89HDF", "an HDF5 file (a Keras model is one; convert it to ONNX first)"},
	{"\x1f\x8b", "a gzip file (unpack it first)"},
	{"{", "JSON text"},
	{"<", "text (ONNX's textual form or XML)"},
	{"version https://git-lfs", "a Git LFS pointer (fetch the file itself with git lfs pull)"},
}

// foreignKind names what data are, if that is plain to see; "" if not. A file that begins with sixteen characters of text
// is text: a ModelProto has a length or a small number, and so a control character, among its first bytes.
func foreignKind(data []byte) string {
	for _, k := range foreignKinds {
		if bytes.HasPrefix(data, []byte(k.magic)) {
			return k.kind
		}
	}
	if len(data) >= 16 && utf8.Valid(data[:16]) && bytes.IndexFunc(data[:16], notText) < 0 {
		return "text"
	}
	return ""
}

// notText is true for the characters that no text file holds.
func notText(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }
