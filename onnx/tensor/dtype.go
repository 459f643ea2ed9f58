package tensor

import "fmt"

// DType is the element type of a tensor. Its values are those of onnx.proto's TensorProto.DataType, so that a DType
// and the protobuf enum convert by a plain Go conversion.
type DType int32

// Element types that a Tensor can hold, and those that only a file can name (BFloat16 and beyond).
const (
	Undefined  DType = 0
	Float32    DType = 1
	Uint8      DType = 2
	Int8       DType = 3
	Uint16     DType = 4
	Int16      DType = 5
	Int32      DType = 6
	Int64      DType = 7
	String     DType = 8
	Bool       DType = 9
	Float16    DType = 10
	Float64    DType = 11
	Uint32     DType = 12
	Uint64     DType = 13
	Complex64  DType = 14
	Complex128 DType = 15
	BFloat16   DType = 16
)

var dtypeNames = [...]string{
	Undefined: "undefined", Float32: "float", Uint8: "uint8", Int8: "int8", Uint16: "uint16", Int16: "int16",
	Int32: "int32", Int64: "int64", String: "string", Bool: "bool", Float16: "float16", Float64: "double",
	Uint32: "uint32", Uint64: "uint64", Complex64: "complex64", Complex128: "complex128", BFloat16: "bfloat16",
}

// String gives ONNX's own name of the type ("float", "double", "int64", …).
func (d DType) String() string {
	if d >= 0 && int(d) < len(dtypeNames) {
		return dtypeNames[d]
	}
	return fmt.Sprintf("type#%d", int32(d))
}

// ParseDType is the inverse of String; ok is false for a name it does not know.
func ParseDType(name string) (d DType, ok bool) {
	for i, s := range dtypeNames {
		if s == name {
			return DType(i), true
		}
	}
	return Undefined, false
}

// Size is the width of one element in bytes as raw_data and external data store it, or 0 for a type without a fixed
// width (String) and for types that a Tensor cannot hold.
func (d DType) Size() int {
	switch d {
	case Uint8, Int8, Bool:
		return 1
	case Uint16, Int16, Float16, BFloat16:
		return 2
	case Float32, Int32, Uint32:
		return 4
	case Float64, Int64, Uint64:
		return 8
	}
	return 0
}

// IsFloat reports whether d is one of the floating-point types.
func (d DType) IsFloat() bool {
	return d == Float32 || d == Float64 || d == Float16 || d == BFloat16
}

// IsInt reports whether d is a signed or unsigned integer type (Bool is not).
func (d DType) IsInt() bool {
	switch d {
	case Uint8, Int8, Uint16, Int16, Int32, Int64, Uint32, Uint64:
		return true
	}
	return false
}
