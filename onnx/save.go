package onnx

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"autodeeplab/internal/atomicfile"
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// External says whether Save moves initializers out of the .onnx file.
type External int

const (
	// ExternalAuto moves them out only where the file would pass protobuf's 2 GiB.
	ExternalAuto External = iota
	// ExternalNever makes such a model an error that wraps ErrTooLarge.
	ExternalNever
	// ExternalAlways moves out every initializer of SaveOptions.Threshold bytes or more.
	ExternalAlways
)

// DefaultThreshold is the size in bytes from which initializers are moved out, that of ONNX's own tools.
const DefaultThreshold = 1024

// SaveOptions configures Save. The zero value writes one file where one file can hold the model.
type SaveOptions struct {
	// External says when initializers go to a data file beside the model.
	External External
	// Threshold is the smallest initializer, in bytes, that goes there; 0 means DefaultThreshold.
	Threshold int
	// DataName is the data file's name, a plain name in the model's own folder; "" means the model's name + ".data".
	DataName string
}

// Data in an external file begin at multiples of smallAlign bytes (a cache line, and any vector register), and at
// multiples of largeAlign from largeTensor bytes on, so that a reader can map them into memory as pages.
const (
	smallAlign  = 64
	largeAlign  = 4096
	largeTensor = 1 << 20
)

// Marshal gives the bytes of an .onnx file with everything in it. The same model always gives the same bytes. It is an
// error that wraps ErrTooLarge if they would pass 2 GiB, the most that protobuf can express.
func Marshal(m *Model) ([]byte, error) {
	if n := proto.Size(m); n > math.MaxInt32 {
		return nil, fmt.Errorf("%w: the model has %d bytes, one file holds at most %d; save it with external data", ErrTooLarge, n, math.MaxInt32)
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// Save writes m to path, and its large initializers to a data file in the same folder where o says so. Each file
// appears complete or not at all: both are written in full under temporary names and then renamed, the data file
// first; over an old pair, the old model is removed before that, so that it is never there with the new data. m is not changed; all its tensors must carry their own data, as those that Load returns do. The same model
// and options always give the same bytes. Errors begin with path.
func Save(path string, m *Model, o SaveOptions) error {
	if err := save(path, m, o, math.MaxInt32); err != nil {
		return fmt.Errorf("saving %s: %w", path, err)
	}
	return nil
}

// save is Save for any limit of the size of one file.
func save(path string, m *Model, o SaveOptions, limit int) error {
	err := eachTensor(m, func(t *TensorPB) error {
		if t.GetDataLocation() == pb.TensorProto_EXTERNAL {
			return fmt.Errorf("%w: tensor %q still lies in another file; load the model from its path first", ErrExternal, t.GetName())
		}
		return nil
	})
	if err != nil {
		return err
	}
	size := proto.Size(m)
	if o.External == ExternalAlways || o.External == ExternalAuto && size > limit {
		return saveExternal(path, m, o, limit)
	}
	if size > limit {
		return fmt.Errorf("%w: %d bytes, one file holds at most %d without external data", ErrTooLarge, size, limit)
	}
	data, err := Marshal(m)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, data)
}

// saveExternal writes the pair of files. Where nothing is large enough to move, it writes the model alone: a data file
// without data would only be in the way.
func saveExternal(path string, m *Model, o SaveOptions, limit int) error {
	name, err := dataName(path, o.DataName)
	if err != nil {
		return err
	}
	threshold := o.Threshold
	if threshold <= 0 {
		threshold = DefaultThreshold
	}
	slim, moved := moveOut(m, name, threshold)
	if size := proto.Size(slim); size > limit {
		return fmt.Errorf("%w: %d bytes even with its initializers in %s, one file holds at most %d", ErrTooLarge, size, name, limit)
	}
	data, err := Marshal(slim)
	if err != nil {
		return err
	}
	if len(moved) == 0 {
		return atomicfile.WriteBytes(path, data)
	}
	dataPath := filepath.Join(filepath.Dir(path), name)
	modelFile, err := atomicfile.Create(path, func(w io.Writer) error { _, err := w.Write(data); return err })
	if err != nil {
		return err
	}
	defer modelFile.Abort()
	dataFile, err := atomicfile.Create(dataPath, func(w io.Writer) error { return writeBlobs(w, moved) })
	if err != nil {
		return err
	}
	defer dataFile.Abort()
	return replacePair(path, dataPath, modelFile, dataFile)
}

// replacePair gives a model and its data their names. Both are on the disk, so that what is left to fail is next to
// nothing; but whoever is killed between the two renames must not leave an old model with new data, whose sizes may well
// agree: an old model of an old data file goes first.
func replacePair(path, dataPath string, model, data *atomicfile.Pending) error {
	info, err := os.Lstat(dataPath)
	anew := os.IsNotExist(err)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder", dataPath)
	case err == nil:
		if info, err := os.Lstat(path); err == nil && !info.IsDir() {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	if err := data.Commit(); err != nil {
		return err
	}
	err = model.Commit()
	if err != nil && anew {
		os.Remove(dataPath) // a data file that no model names is of no use
	}
	return err
}

// dataName holds the data file to a plain name in the model's own folder. Writing where a model or an option points,
// outside that folder, was a hole in ONNX's own tools (CVE-2025-51480).
func dataName(modelPath, name string) (string, error) {
	base := filepath.Base(modelPath)
	if name == "" {
		name = base + ".data"
	}
	if err := checkLocation(name); err != nil {
		return "", fmt.Errorf("%w: %w", ErrExternal, err)
	}
	if strings.Contains(name, "/") || filepath.Base(name) != name {
		return "", fmt.Errorf("%w: %q lies in another folder; want a plain file name", ErrExternal, name)
	}
	if name == base {
		return "", fmt.Errorf("%w: %q is the model's own name", ErrExternal, name)
	}
	return name, nil
}

// blob is a tensor on its way to the data file.
type blob struct {
	offset int64
	src    *TensorPB
}

// moveOut gives a copy of m, sharing all that it can, whose initializers of threshold bytes or more refer to the file
// called name, and the list of those initializers in file order. Tensors without a width in bytes (strings) and those
// that are not well formed stay where they are.
func moveOut(m *Model, name string, threshold int) (*Model, []blob) {
	var moved []blob
	var end int64
	slim := shallow(m)
	slim.Graph = shallow(m.GetGraph())
	slim.Graph.Initializer = make([]*TensorPB, len(m.GetGraph().GetInitializer()))
	for i, t := range m.GetGraph().GetInitializer() {
		slim.Graph.Initializer[i] = t
		size, err := rawBytes(t)
		if err != nil || size < int64(threshold) || !hasRaw(t, size) {
			continue
		}
		align := int64(smallAlign)
		if size >= largeTensor {
			align = largeAlign
		}
		offset := (end + align - 1) / align * align
		end = offset + size
		moved = append(moved, blob{offset: offset, src: t})
		out := shallow(t)
		out.RawData, out.FloatData, out.Int32Data, out.Int64Data, out.DoubleData, out.Uint64Data = nil, nil, nil, nil, nil, nil
		out.DataLocation = pb.TensorProto_EXTERNAL
		out.ExternalData = []*Property{
			{Key: "location", Value: name},
			{Key: "offset", Value: strconv.FormatInt(offset, 10)},
			{Key: "length", Value: strconv.FormatInt(size, 10)},
		}
		slim.Graph.Initializer[i] = out
	}
	return slim, moved
}

// hasRaw reports whether rawOf can give t's size bytes of data.
func hasRaw(t *TensorPB, size int64) bool {
	field, several := dataField(t)
	if several {
		return false
	}
	if field == "raw_data" {
		return int64(len(t.GetRawData())) == size
	}
	d := tensor.DType(t.GetDataType())
	n, _ := storedElems(t, d)
	return d.Size() > 0 && int64(n)*int64(d.Size()) == size
}

// rawOf gives the bytes that raw_data would hold, without a copy where it does hold them.
func rawOf(t *TensorPB) ([]byte, error) {
	if raw := t.GetRawData(); len(raw) > 0 {
		return raw, nil
	}
	v, err := Decode(t)
	if err != nil {
		return nil, err
	}
	return Encode("", v).GetRawData(), nil
}

// writeBlobs writes the data file from start to end, zeros between the tensors. It converts one tensor at a time, so that
// a model of typed fields is never held twice.
func writeBlobs(w io.Writer, blobs []blob) error {
	var at int64
	for _, b := range blobs {
		raw, err := rawOf(b.src)
		if err != nil {
			return err
		}
		if _, err := w.Write(make([]byte, b.offset-at)); err != nil {
			return err
		}
		if _, err := w.Write(raw); err != nil {
			return err
		}
		at = b.offset + int64(len(raw))
	}
	return nil
}

// shallow copies a message but not what its fields refer to.
func shallow[M proto.Message](m M) M {
	src := m.ProtoReflect()
	dst := src.New()
	for i := range src.Descriptor().Fields().Len() {
		if fd := src.Descriptor().Fields().Get(i); src.Has(fd) {
			dst.Set(fd, src.Get(fd))
		}
	}
	dst.SetUnknown(src.GetUnknown())
	return dst.Interface().(M)
}
