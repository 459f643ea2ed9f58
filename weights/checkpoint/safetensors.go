package checkpoint

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/nlpodyssey/safetensors"

	"autodeeplab/internal/jsonsize"
	"autodeeplab/onnx/tensor"
)

// MaxSafetensorsHeader bounds the header: some 100 bytes a tensor.
const MaxSafetensorsHeader = 64 << 20

var safetensorsTypes = map[safetensors.DType]tensor.DType{
	safetensors.BOOL: tensor.Bool, safetensors.U8: tensor.Uint8, safetensors.I8: tensor.Int8, safetensors.I16: tensor.Int16,
	safetensors.U16: tensor.Uint16, safetensors.F16: tensor.Float16, safetensors.BF16: tensor.BFloat16, safetensors.I32: tensor.Int32,
	safetensors.U32: tensor.Uint32, safetensors.F32: tensor.Float32, safetensors.F64: tensor.Float64, safetensors.I64: tensor.Int64,
	safetensors.U64: tensor.Uint64,
}

// safetensorsTensors lists the tensors of a safetensors file. Only the header is read: the library's own check of the
// offsets wants the whole file in memory, so they are checked here.
func safetensorsTensors(r io.ReaderAt, size int64) ([]Tensor, error) {
	var length [8]byte
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, errors.New("not safetensors: cut off in the header")
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > MaxSafetensorsHeader || int64(n) > size-8 {
		return nil, fmt.Errorf("not safetensors: a header of %d bytes in a file of %d (want at most %d)", n, size, MaxSafetensorsHeader)
	}
	text, err := readExactly(io.NewSectionReader(r, 8, int64(n)), int64(n))
	if err != nil {
		return nil, err
	}
	if err := jsonsize.Check(text); err != nil {
		return nil, fmt.Errorf("a header of %d bytes: %w", n, err)
	}
	var header safetensors.Metadata
	if err := json.Unmarshal(text, &header); err != nil {
		return nil, fmt.Errorf("not safetensors: a damaged header: %w", shortError{err})
	}
	start := 8 + int64(n)
	var tensors []Tensor
	for name, info := range header.Tensors() {
		t := Tensor{Name: name, DType: safetensorsTypes[info.DType], Type: info.DType.String(), Shape: make([]int, len(info.Shape))}
		for i, d := range info.Shape {
			t.Shape[i] = int(min(d, math.MaxInt))
		}
		elements, err := checkShape(t.Shape)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Quote(name), err)
		}
		from, to := info.DataOffsets[0], info.DataOffsets[1]
		if from > to || to > uint64(size-start) || to-from != uint64(elements)*info.DType.Size() {
			return nil, fmt.Errorf("%s: bytes %d to %d of the %d there are, where %s%s takes %d", Quote(name), from, to, size-start,
				t.Type, tensor.FormatShape(t.Shape), uint64(elements)*info.DType.Size())
		}
		t.storage = func() ([]byte, error) {
			return readExactly(io.NewSectionReader(r, start+int64(from), int64(to-from)), int64(to-from))
		}
		tensors = append(tensors, t)
	}
	return tensors, nil
}
