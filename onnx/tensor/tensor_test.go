package tensor

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// holdable are the types that a Tensor can hold.
var holdable = []DType{Float32, Uint8, Int8, Uint16, Int16, Int32, Int64, String, Bool, Float16, Float64, Uint32, Uint64, BFloat16}

func TestNumElems(t *testing.T) {
	for _, c := range []struct {
		shape []int
		want  int
	}{
		{nil, 1}, {[]int{}, 1}, {[]int{0}, 0}, {[]int{7}, 7}, {[]int{2, 3, 4}, 24}, {[]int{1 << 40, 1 << 40, 0}, 0},
		{[]int{math.MaxInt}, math.MaxInt}, {[]int{1 << 31, 1<<31 + 1}, 1<<62 + 1<<31},
	} {
		if n, err := NumElems(c.shape); n != c.want || err != nil {
			t.Errorf("%v has %d elements, %v; want %d", c.shape, n, err, c.want)
		}
	}
	for _, shape := range [][]int{{-1}, {0, -1}, {math.MinInt}, {1 << 32, 1 << 31}, {math.MaxInt, 2}, {3, math.MaxInt / 2}} {
		if n, err := NumElems(shape); !errors.Is(err, ErrSize) {
			t.Errorf("%v has %d elements, %v; want ErrSize", shape, n, err)
		}
	}
}

func TestNewCloneView(t *testing.T) {
	for _, d := range holdable {
		x, err := New(d, []int{2, 3})
		if err != nil {
			t.Fatal(err)
		}
		if x.Len() != 6 || x.NumElems() != 6 || x.DType != d || !slices.Equal(x.Shape, []int{2, 3}) {
			t.Errorf("New(%s) gives %s with %d elements", d, x, x.Len())
		}
		c := x.Clone()
		if !reflect.DeepEqual(c, x) || c == x || &c.Shape[0] == &x.Shape[0] {
			t.Errorf("the clone of %v is %v", x, c)
		}
		v := reflect.ValueOf(c.Data)
		switch e := v.Index(5); e.Kind() {
		case reflect.Bool:
			e.SetBool(true)
		case reflect.String:
			e.SetString("s")
		default:
			e.Set(reflect.ValueOf(1).Convert(e.Type()))
		}
		if reflect.DeepEqual(c, x) {
			t.Errorf("%s: the clone shares memory", d)
		}
		if want := reflect.TypeOf(x.Data).Elem().Size(); d != String && int(want) != d.Size() {
			t.Errorf("%s has size %d, its Go type %d", d, d.Size(), want)
		}
		if d == String {
			if x.Bytes() != 96 {
				t.Errorf("6 strings take %d bytes", x.Bytes())
			}
			continue
		}
		if x.Bytes() != 6*d.Size() {
			t.Errorf("%s takes %d bytes", x, x.Bytes())
		}
		buf := make([]uint64, 8)
		b := unsafe.Slice((*byte)(unsafe.Pointer(&buf[0])), 64) // aligned for every type
		w, err := View(b, d, []int{6})
		if err != nil || w.Len() != 6 || w.DType != d {
			t.Fatalf("View(%s) gives %v, %v", d, w, err)
		}
		b[0] = 1
		if first := reflect.ValueOf(w.Data).Index(0); first.IsZero() {
			t.Errorf("%s: the view does not show the memory", d)
		}
		if _, err := View(b[:6*d.Size()-1], d, []int{6}); !errors.Is(err, ErrSize) {
			t.Errorf("%s: a view of too little memory gives %v", d, err)
		}
		if _, err := View(b, d, []int{-1}); !errors.Is(err, ErrSize) {
			t.Errorf("%s: a view of negative size gives %v", d, err)
		}
	}
	for _, d := range []DType{Undefined, Complex64, Complex128, DType(77), DType(-1)} {
		if x, err := New(d, []int{1}); err == nil {
			t.Errorf("New(%s) gives %s", d, x)
		}
		if x, err := View(make([]byte, 64), d, []int{1}); err == nil {
			t.Errorf("View(%s) gives %s", d, x)
		}
	}
	if _, err := New(Float64, []int{1 << 61}); !errors.Is(err, ErrSize) {
		t.Errorf("2^61 doubles: %v", err)
	}
	if _, err := New(Float32, []int{-1}); !errors.Is(err, ErrSize) {
		t.Errorf("-1 floats: %v", err)
	}
}

func TestDTypeNames(t *testing.T) {
	for d := Undefined; d <= BFloat16; d++ {
		back, ok := ParseDType(d.String())
		if !ok || back != d {
			t.Errorf("%s parses as %v, %v", d, back, ok)
		}
	}
	if _, ok := ParseDType("float32"); ok {
		t.Error("float32 is no name of ONNX")
	}
	if s := DType(77).String(); s != "type#77" {
		t.Error(s)
	}
	for _, d := range holdable {
		if isF, isI := d.IsFloat(), d.IsInt(); isF && isI || (isF || isI) == (d == Bool || d == String) {
			t.Errorf("%s: float %v, int %v", d, isF, isI)
		}
	}
}

func TestOf(t *testing.T) {
	x := Of([]int32{1, 2, 3, 4}, 2, 2)
	if x.String() != "int32[2,2]" || Data[int32](x)[3] != 4 || Data[int64](x) != nil || Data[int32](nil) != nil {
		t.Errorf("%v", x)
	}
	if s := Scalar(F16(0x3c00)); s.String() != "float16[]" || s.NumElems() != 1 {
		t.Errorf("%v", s)
	}
	if (*Tensor)(nil).String() != "<none>" {
		t.Error("nil has no name")
	}
	if n := (&Tensor{Data: 3}).Len(); n != -1 {
		t.Errorf("no slice has %d elements", n)
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "3 elements for shape [2]") {
			t.Errorf("Of with a wrong length: %v", r)
		}
	}()
	Of([]bool{true, false, true}, 2)
}

func TestInts(t *testing.T) {
	for _, c := range []struct {
		x    *Tensor
		want []int
	}{
		{Of([]int64{-1, 1 << 40}, 2), []int{-1, 1 << 40}}, {Of([]int32{-2}, 1), []int{-2}}, {Of([]int16{-3}, 1), []int{-3}},
		{Of([]int8{-4}, 1), []int{-4}}, {Of([]uint8{255}, 1), []int{255}}, {Of([]uint16{65535}, 1), []int{65535}},
		{Of([]uint32{1 << 31}, 1), []int{1 << 31}}, {Of([]uint64{math.MaxInt64}, 1), []int{math.MaxInt64}},
		{Of([]bool{true, false}, 2), []int{1, 0}}, {Of([]int64{}, 0), []int{}},
	} {
		if have, err := c.x.Ints(); err != nil || !slices.Equal(have, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.x, have, err, c.want)
		}
	}
	for x, want := range map[*Tensor]string{
		Scalar(float32(1)):             "want an integer tensor, have float",
		Scalar("a"):                    "want an integer tensor, have string",
		Scalar(uint64(math.MaxUint64)): "value 18446744073709551615 does not fit an int",
	} {
		if _, err := x.Ints(); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", x, err, want)
		}
	}
}
