package target

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"autodeeplab/compile"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// Files of a model in a Triton Inference Server repository.
const (
	tritonConfig = "config.pbtxt"
	tritonLabels = "labels.txt"
	tritonONNX   = "model.onnx"
	tritonPlan   = "model.plan"
)

// tritonTypes are the server's names of element types.
var tritonTypes = map[tensor.DType]string{
	tensor.Float32: "TYPE_FP32", tensor.Float16: "TYPE_FP16", tensor.BFloat16: "TYPE_BF16", tensor.Float64: "TYPE_FP64",
	tensor.Uint8: "TYPE_UINT8", tensor.Uint16: "TYPE_UINT16", tensor.Uint32: "TYPE_UINT32", tensor.Uint64: "TYPE_UINT64",
	tensor.Int8: "TYPE_INT8", tensor.Int16: "TYPE_INT16", tensor.Int32: "TYPE_INT32", tensor.Int64: "TYPE_INT64",
	tensor.Bool: "TYPE_BOOL", tensor.String: "TYPE_STRING",
}

// TritonConfig is the config.pbtxt of a model: platform onnxruntime_onnx, or tensorrt_plan for target tensorrt. Where all
// inputs and outputs have an open first axis, the server may put requests together (max_batch_size); else the shapes are
// given whole.
func TritonConfig(m *onnx.Model, name, target string) ([]byte, error) {
	platform := "onnxruntime_onnx"
	if target == "tensorrt" {
		platform = "tensorrt_plan"
	}
	inits := onnx.Initializers(m.GetGraph())
	var in, out []tritonValue
	for _, v := range m.GetGraph().GetInput() {
		if _, ok := inits[v.GetName()]; !ok {
			in = append(in, tritonValue{v: v})
		}
	}
	for _, v := range m.GetGraph().GetOutput() {
		out = append(out, tritonValue{v: v})
	}
	batches := len(in) > 0
	for _, list := range [][]tritonValue{in, out} {
		for i := range list {
			if err := list[i].read(); err != nil {
				return nil, err
			}
			dims := list[i].info.Dims
			batches = batches && len(dims) > 0 && !dims[0].IsKnown()
		}
	}
	most := 0
	if batches {
		most = MostBatch
		if d, err := compile.ReadDeployed(onnx.Metadata(m)); err == nil && d.Sizes.Batch.Max > 0 {
			most = min(most, d.Sizes.Batch.Max)
		}
	}
	labels, err := tritonNames(m)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "name: %s\nplatform: %q\nmax_batch_size: %d\n", textQuote(name), platform, most)
	for _, v := range in {
		v.write(&b, "input", batches, false)
	}
	for _, v := range out {
		v.write(&b, "output", batches, labels != nil)
	}
	if batches {
		b.WriteString("dynamic_batching { }\n")
	}
	return b.Bytes(), nil
}

type tritonValue struct {
	v    *onnx.ValueInfo
	info op.Info
}

func (t *tritonValue) read() error {
	var err error
	if t.info, err = check.Declared(t.v); err != nil {
		return err
	}
	switch {
	case !t.info.HasRank():
		return fmt.Errorf("%q has no declared shape, which a config.pbtxt needs", t.v.GetName())
	case tritonTypes[t.info.DType] == "":
		return fmt.Errorf("%q is of type %s, which Triton does not know", t.v.GetName(), t.info.DType)
	}
	return nil
}

func (t *tritonValue) write(b *bytes.Buffer, field string, batches, labels bool) {
	dims := t.info.Dims
	if batches {
		dims = dims[1:]
	}
	words := make([]string, len(dims))
	for i, d := range dims {
		words[i] = strconv.Itoa(d.Size) // −1 where it is open
	}
	fmt.Fprintf(b, "%s {\n  name: %s\n  data_type: %s\n  dims: [ %s ]\n", field, textQuote(t.v.GetName()), tritonTypes[t.info.DType], strings.Join(words, ", "))
	if labels {
		fmt.Fprintf(b, "  label_filename: %q\n", tritonLabels)
	}
	b.WriteString("}\n")
}

// textQuote writes a string of protobuf's text form: bytes that are not plain ASCII as octal escapes.
func textQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// tritonNames gives the file of class names, one a line, nil for a model that names none.
func tritonNames(m *onnx.Model) ([]byte, error) {
	names, _, err := compile.Classes(onnx.Metadata(m))
	if err != nil || len(names) == 0 {
		return nil, err
	}
	var b bytes.Buffer
	for _, n := range names {
		b.WriteString(onnx.Printable(n) + "\n")
	}
	return b.Bytes(), nil
}

// Deployment is what WriteTriton wrote.
type Deployment struct {
	// Dir is the model's folder, Version the folder in it.
	Dir, Version string
	// Model is the .onnx file; Plan is where a TensorRT engine belongs, "" for other platforms.
	Model, Plan string
}

// ErrRepository is wrapped by the errors for a repository that cannot take the model.
var ErrRepository = errors.New("model repository")

// WriteTriton puts m into the model repository at dir as the model name: config.pbtxt, class names, and the .onnx as
// the next version, 1 in a new folder. A folder becomes visible whole or not at all. A model that is there already
// must have the same configuration: what clients send and get does not change under them. For target tensorrt the .onnx is
// what the engine is to be built of, by TrtExec.
func WriteTriton(dir, name, target string, m *onnx.Model, save onnx.SaveOptions) (*Deployment, error) {
	if name == "" || strings.HasPrefix(name, ".") || name != filepath.Base(name) {
		return nil, fmt.Errorf("%w: %q is no name of a model", ErrRepository, name)
	}
	config, err := TritonConfig(m, name, target)
	if err != nil {
		return nil, err
	}
	labels, err := tritonNames(m)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	d := &Deployment{Dir: filepath.Join(dir, name), Version: "1"}
	have, err := os.ReadFile(filepath.Join(d.Dir, tritonConfig))
	switch {
	case err == nil && !bytes.Equal(have, config):
		return nil, fmt.Errorf("%w: %s holds a model of another configuration; want the same inputs and outputs for a new version, or another name", ErrRepository, d.Dir)
	case err == nil:
		if d.Version, err = nextVersion(d.Dir); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	default:
		if _, err := os.Lstat(d.Dir); err == nil {
			return nil, fmt.Errorf("%w: %s is there, but has no %s", ErrRepository, d.Dir, tritonConfig)
		}
	}
	version := func(dir string) error { return onnx.Save(filepath.Join(dir, tritonONNX), m, save) }
	if have != nil {
		err = atomicfile.Dir(filepath.Join(d.Dir, d.Version), version)
	} else {
		err = atomicfile.Dir(d.Dir, func(dir string) error {
			if labels != nil {
				if err := atomicfile.WriteBytes(filepath.Join(dir, tritonLabels), labels); err != nil {
					return err
				}
			}
			if err := os.Mkdir(filepath.Join(dir, d.Version), 0o777); err != nil {
				return err
			}
			if err := version(filepath.Join(dir, d.Version)); err != nil {
				return err
			}
			return atomicfile.WriteBytes(filepath.Join(dir, tritonConfig), config)
		})
	}
	if err != nil {
		return nil, err
	}
	d.Model = filepath.Join(d.Dir, d.Version, tritonONNX)
	if target == "tensorrt" {
		d.Plan = filepath.Join(d.Dir, d.Version, tritonPlan)
	}
	return d, nil
}

// nextVersion is one more than the highest version folder.
func nextVersion(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	most := 0
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && e.IsDir() {
			most = max(most, n)
		}
	}
	return strconv.Itoa(most + 1), nil
}
