//go:build cgo

package onnxruntime

import (
	"context"
	"encoding/binary"
	"fmt"
	goruntime "runtime"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// start loads the library once a process: ONNX Runtime's environment is global.
var start = sync.OnceValue(func() error {
	path, err := Library()
	if err != nil {
		return err
	}
	ort.SetSharedLibraryPath(path)
	// Its log goes straight to the process's stderr, with the model's own names; every error comes back as an error.
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return fmt.Errorf("%w: %s: %v", ErrUnavailable, path, err)
	}
	return nil
})

// New loads ONNX Runtime's shared library on first use. The error wraps ErrUnavailable.
func New() (runtime.Engine, error) {
	if err := start(); err != nil {
		return nil, err
	}
	return engine{}, nil
}

type engine struct{}

func (engine) Name() string { return Name }

func (e engine) Load(path string, o runtime.Options) (runtime.Session, error) {
	m, err := onnx.Load(path, o.File)
	if err != nil {
		return nil, err
	}
	s, err := open(m, o, func(in, out []string, so *ort.SessionOptions) (*ort.DynamicAdvancedSession, error) {
		return ort.NewDynamicAdvancedSession(path, in, out, so)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (e engine) LoadModel(m *onnx.Model, o runtime.Options) (runtime.Session, error) {
	data, err := onnx.Marshal(m)
	if err != nil {
		return nil, err
	}
	return open(m, o, func(in, out []string, so *ort.SessionOptions) (*ort.DynamicAdvancedSession, error) {
		return ort.NewDynamicAdvancedSessionWithONNXData(data, in, out, so)
	})
}

type session struct {
	s       *ort.DynamicAdvancedSession
	inputs  []runtime.Value
	outputs []runtime.Value
	meta    map[string]string

	use    sync.RWMutex // held for reading by each Run, for writing by Close
	closed bool
}

type opener func(in, out []string, so *ort.SessionOptions) (*ort.DynamicAdvancedSession, error)

func open(m *onnx.Model, o runtime.Options, create opener) (*session, error) {
	s := &session{meta: onnx.Metadata(m)}
	inits := onnx.Initializers(m.GetGraph())
	var in, out []string
	for _, v := range m.GetGraph().GetInput() {
		if _, ok := inits[v.GetName()]; ok {
			continue
		}
		info, err := check.Declared(v)
		if err != nil {
			return nil, fmt.Errorf("graph input %w", err)
		}
		s.inputs = append(s.inputs, runtime.Value{Name: v.GetName(), Info: info})
		in = append(in, v.GetName())
	}
	for _, v := range m.GetGraph().GetOutput() {
		info, err := check.Declared(v)
		if err != nil {
			return nil, fmt.Errorf("graph output %w", err)
		}
		s.outputs = append(s.outputs, runtime.Value{Name: v.GetName(), Info: info})
		out = append(out, v.GetName())
	}
	so, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer so.Destroy()
	threads := o.Threads
	if threads <= 0 {
		threads = goruntime.GOMAXPROCS(0)
	}
	if err := so.SetIntraOpNumThreads(threads); err != nil {
		return nil, err
	}
	if err := so.SetInterOpNumThreads(1); err != nil {
		return nil, err
	}
	s.s, err = create(in, out, so)
	return s, err
}

func (s *session) Inputs() []runtime.Value     { return s.inputs }
func (s *session) Outputs() []runtime.Value    { return s.outputs }
func (s *session) Metadata() map[string]string { return s.meta }

func (s *session) Close() error {
	s.use.Lock()
	defer s.use.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.s.Destroy()
}

func (s *session) Run(ctx context.Context, inputs map[string]*tensor.Tensor) (_ map[string]*tensor.Tensor, err error) {
	defer func() { // the binding panics on some models, those without inputs among them
		if v := recover(); v != nil {
			err = fmt.Errorf("ONNX Runtime's Go binding failed: %v", v)
		}
	}()
	s.use.RLock()
	defer s.use.RUnlock()
	if s.closed {
		return nil, runtime.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in := make([]ort.Value, len(s.inputs))
	defer destroy(in)
	for i := range s.inputs {
		v := &s.inputs[i]
		t, ok := inputs[v.Name]
		if !ok {
			return nil, fmt.Errorf("%w: %q is missing; the model wants %s", runtime.ErrInput, v.Name, v)
		}
		if in[i], err = toORT(t); err != nil {
			return nil, fmt.Errorf("%w: %q: %w", runtime.ErrInput, v.Name, err)
		}
	}
	ro, err := ort.NewRunOptions()
	if err != nil {
		return nil, err
	}
	defer ro.Destroy()
	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = ro.Terminate()
		close(terminated)
	})
	out := make([]ort.Value, len(s.outputs))
	for i := range s.outputs {
		// The binding makes outputs of any shape but a scalar's.
		if o := &s.outputs[i]; o.HasRank() && o.Rank() == 0 {
			if out[i], err = emptyScalar(o.DType); err != nil {
				destroy(out)
				return nil, fmt.Errorf("output %q: %w", o.Name, err)
			}
		}
	}
	err = s.s.RunWithOptions(in, out, ro)
	if !stop() { // Terminate has been called or is under way: ro must outlive it, and the outputs are not complete
		<-terminated
		destroy(out)
		return nil, ctx.Err()
	}
	defer destroy(out)
	if err != nil {
		return nil, err
	}
	result := make(map[string]*tensor.Tensor, len(out))
	for i, v := range out {
		if result[s.outputs[i].Name], err = fromORT(v, s.outputs[i].DType); err != nil {
			return nil, fmt.Errorf("output %q: %w", s.outputs[i].Name, err)
		}
	}
	return result, nil
}

func destroy(vs []ort.Value) {
	for _, v := range vs {
		if v != nil {
			_ = v.Destroy()
		}
	}
}

func toORT(t *tensor.Tensor) (ort.Value, error) {
	shape := make(ort.Shape, len(t.Shape))
	for i, d := range t.Shape {
		shape[i] = int64(d)
	}
	switch d := t.Data.(type) {
	case []float32:
		return value(shape, d)
	case []float64:
		return value(shape, d)
	case []int8:
		return value(shape, d)
	case []int16:
		return value(shape, d)
	case []int32:
		return value(shape, d)
	case []int64:
		return value(shape, d)
	case []uint8:
		return value(shape, d)
	case []uint16:
		return value(shape, d)
	case []uint32:
		return value(shape, d)
	case []uint64:
		return value(shape, d)
	case []bool:
		return value(shape, d)
	case []tensor.F16:
		raw, err := binary.Append(nil, binary.LittleEndian, d)
		if err != nil {
			return nil, err
		}
		return ort.NewCustomDataTensor(shape, raw, ort.TensorElementDataTypeFloat16)
	}
	return nil, fmt.Errorf("a tensor of type %s cannot be given to ONNX Runtime here", t.DType)
}

// value wraps data without copying; an empty tensor still needs an address, and a scalar has a type of its own.
func value[T ort.TensorData](shape ort.Shape, data []T) (ort.Value, error) {
	switch {
	case len(shape) == 0:
		return ort.NewScalar(data[0])
	case len(data) == 0:
		return ort.NewEmptyTensor[T](shape)
	}
	return ort.NewTensor(shape, data)
}

// emptyScalar makes room for a scalar output.
func emptyScalar(d tensor.DType) (ort.Value, error) {
	switch d {
	case tensor.Float32:
		return ort.NewEmptyScalar[float32]()
	case tensor.Float64:
		return ort.NewEmptyScalar[float64]()
	case tensor.Int8:
		return ort.NewEmptyScalar[int8]()
	case tensor.Int16:
		return ort.NewEmptyScalar[int16]()
	case tensor.Int32:
		return ort.NewEmptyScalar[int32]()
	case tensor.Int64:
		return ort.NewEmptyScalar[int64]()
	case tensor.Uint8:
		return ort.NewEmptyScalar[uint8]()
	case tensor.Uint16:
		return ort.NewEmptyScalar[uint16]()
	case tensor.Uint32:
		return ort.NewEmptyScalar[uint32]()
	case tensor.Uint64:
		return ort.NewEmptyScalar[uint64]()
	case tensor.Bool:
		return ort.NewEmptyScalar[bool]()
	}
	return nil, fmt.Errorf("a scalar of type %s, which the binding cannot carry out of ONNX Runtime", d)
}

// fromORT takes the elements out of v. They are in Go memory already (the binding copies what ONNX Runtime allocated),
// so they outlive v's Destroy.
func fromORT(v ort.Value, want tensor.DType) (*tensor.Tensor, error) {
	shape := make([]int, len(v.GetShape()))
	for i, d := range v.GetShape() {
		shape[i] = int(d)
	}
	switch t := v.(type) {
	case *ort.Scalar[float32]:
		return tensor.Scalar(t.GetData()), nil
	case *ort.Scalar[float64]:
		return tensor.Scalar(t.GetData()), nil
	case *ort.Scalar[int8]:
		return tensor.Scalar(t.GetData()), nil
	case *ort.Scalar[int16]:
		return tensor.Scalar(t.GetData()), nil
	case *ort.Scalar[int32]:
		return tensor.Scalar(t.GetData()), nil
	case *ort.Scalar[int64]:
		return tensor.Scalar(t.GetData()), nil
	case *ort.Scalar[uint8]:
		return tensor.Scalar(t.GetData()), nil
	case *ort.Scalar[uint16]:
		return tensor.Scalar(t.GetData()), nil
	case *ort.Scalar[uint32]:
		return tensor.Scalar(t.GetData()), nil
	case *ort.Scalar[uint64]:
		return tensor.Scalar(t.GetData()), nil
	case *ort.Scalar[bool]:
		return tensor.Scalar(t.GetData()), nil
	case *ort.Tensor[float32]:
		return tensor.Of(t.GetData(), shape...), nil
	case *ort.Tensor[float64]:
		return tensor.Of(t.GetData(), shape...), nil
	case *ort.Tensor[int8]:
		return tensor.Of(t.GetData(), shape...), nil
	case *ort.Tensor[int16]:
		return tensor.Of(t.GetData(), shape...), nil
	case *ort.Tensor[int32]:
		return tensor.Of(t.GetData(), shape...), nil
	case *ort.Tensor[int64]:
		return tensor.Of(t.GetData(), shape...), nil
	case *ort.Tensor[uint8]:
		return tensor.Of(t.GetData(), shape...), nil
	case *ort.Tensor[uint16]:
		return tensor.Of(t.GetData(), shape...), nil
	case *ort.Tensor[uint32]:
		return tensor.Of(t.GetData(), shape...), nil
	case *ort.Tensor[uint64]:
		return tensor.Of(t.GetData(), shape...), nil
	case *ort.Tensor[bool]:
		return tensor.Of(t.GetData(), shape...), nil
	}
	return nil, fmt.Errorf("it is of type %s, which the binding cannot carry out of ONNX Runtime", want)
}
