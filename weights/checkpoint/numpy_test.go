package checkpoint

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"autodeeplab/onnx/tensor"
)

// npyFile makes a .npy of a header and a body of zeros.
func npyFile(descr, order, shape string, body int) []byte {
	h := "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }"
	h += strings.Repeat(" ", 118-len(h)-1) + "\n"
	return append([]byte("\x93NUMPY\x01\x00\x76\x00"+h), make([]byte, body)...)
}

func TestNPY(t *testing.T) {
	for _, c := range []struct {
		data  []byte
		shape []int
		dtype tensor.DType
	}{
		{npyFile("<f4", "False", "(2, 3)", 24), []int{2, 3}, tensor.Float32},
		{npyFile(">f8", "True", "(2, 3)", 48), []int{2, 3}, tensor.Float64},
		{npyFile("<f2", "False", "(4,)", 8), []int{4}, tensor.Float16},
		{npyFile("<f4", "False", "()", 4), []int{}, tensor.Float32},
		{npyFile("<f4", "False", "(0, 3)", 0), []int{0, 3}, tensor.Float32},
	} {
		f, err := Read(bytes.NewReader(c.data), int64(len(c.data)), "folder/alphas.npy")
		if err != nil {
			t.Errorf("%.60q: %v", c.data, err)
			continue
		}
		a := &f.Tensors[0]
		v, err := Load[float64](a)
		n, _ := tensor.NumElems(c.shape)
		if err != nil || len(v) != n || !slices.Equal(a.Shape, c.shape) || a.DType != c.dtype || a.Name != "alphas" || f.Format != NumPy {
			t.Errorf("%v, %v, %v", a, v, err)
		}
	}
	for want, data := range map[string][]byte{
		"where the shape":       npyFile("<f4", "False", "(2, 3)", 23),
		"25 bytes of elements":  npyFile("<f4", "False", "(2, 3)", 25),
		"elements of type":      npyFile("<i8", "False", "(2, 3)", 48),
		`elements of type "|O"`: npyFile("|O", "False", "(2, 3)", 48),
		"takes 1199999988":      npyFile("<f4", "False", "(99999999, 3)", 24),
		"which no tensor has":   npyFile("<f4", "False", "(-1, 3)", 24),
		"no tensor has":         npyFile("<f4", "False", "(4611686018427387904, 8)", 24),
		"damaged NumPy header":  npyFile("<f4", "Maybe", "(2, 3)", 24),
		"a NumPy header of":     []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'"),
		"cut off":               []byte("\x93NUMPY\x01"),
		"damaged":               []byte("\x93NUMPY\x01\x00\x10\x00{'descr': '<f4' "),
	} {
		f, err := Read(bytes.NewReader(data), int64(len(data)), "x.npy")
		if err == nil {
			_, err = Load[float32](&f.Tensors[0])
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
