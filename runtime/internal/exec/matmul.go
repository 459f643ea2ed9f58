package exec

import (
	"fmt"
	"math"
	"slices"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// matmulBinders covers the matrix products. float32 runs on the tuned kernel, the 16-bit floats by way of it, the other
// types on a plain one. A constant right operand is packed once.
var matmulBinders = map[string]Binder{"MatMul": bindMatMul, "Gemm": bindGemm, "MatMulInteger": bindMatMulInteger}

// productTypes are the element types of MatMul and Gemm.
var productTypes = []tensor.DType{tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16, tensor.Int32, tensor.Int64, tensor.Uint32, tensor.Uint64}

// productKernel finishes the binders of MatMul and Gemm.
func productKernel(n *Node, k Kernel) (Kernel, error) {
	d := n.In[0].DType
	if !slices.Contains(productTypes, d) {
		return nil, ErrType(n, 0, productTypes...)
	}
	if isHalf(d) {
		return halves(k), nil
	}
	return k, nil
}

// products is a batch of matrix products as MatMul's broadcasting makes them: for each, where its operands begin.
type products struct {
	m, n, k int
	a, b    []int // offsets of the operands
	batches []int // the output's dimensions before the matrices
}

// newProducts pairs the matrices of two shapes that the shape rule has accepted.
func newProducts(a, b []int) products {
	if len(a) == 1 {
		a = []int{1, a[0]}
	}
	if len(b) == 1 {
		b = []int{b[0], 1}
	}
	x, y := len(a)-2, len(b)-2
	p := products{m: a[x], k: a[x+1], n: b[y+1]}
	rank := max(x, y)
	p.batches = make([]int, rank)
	strideA, strideB := make([]int, rank), make([]int, rank)
	sizeA, sizeB := p.m*p.k, p.k*p.n
	for i := 1; i <= rank; i++ {
		d := 1
		if i <= x && a[x-i] != 1 {
			d, strideA[rank-i] = a[x-i], sizeA
			sizeA *= d
		}
		if i <= y && b[y-i] != 1 {
			d, strideB[rank-i] = b[y-i], sizeB
			sizeB *= d
		}
		p.batches[rank-i] = d
	}
	count := elements(p.batches)
	p.a, p.b = make([]int, count), make([]int, count)
	for i := range count {
		rest := i
		for d := rank - 1; d >= 0; d-- {
			at := rest % p.batches[d]
			rest /= p.batches[d]
			p.a[i] += at * strideA[d]
			p.b[i] += at * strideB[d]
		}
	}
	return p
}

// merge turns products of different left operands with the same right one into a single, taller product.
func (p *products) merge() {
	for i := range p.a {
		if p.b[i] != 0 || p.a[i] != i*p.m*p.k {
			return
		}
	}
	p.m *= len(p.a)
	p.a, p.b = []int{0}, []int{0}
}

// matMul is MatMul. ready holds the right operand, packed, where it is one constant matrix.
type matMul struct{ ready *kernel.PackedCols }

func bindMatMul(n *Node) (Kernel, error) {
	k := &matMul{}
	if b := n.In[1].Value; b != nil && (b.DType == tensor.Float32 || isHalf(b.DType)) {
		p := newProducts([]int{1, b.Shape[max(len(b.Shape)-2, 0)]}, b.Shape)
		if len(p.b) == 1 {
			k.ready = kernel.PackCols(kernel.Operand[float32]{Data: floats[float32](b), Offsets: []int{0}, RowStride: p.n, ColStride: 1}, p.k, p.n)
		}
	}
	return productKernel(n, k)
}

func (k *matMul) Run(c *Context, in, out []*tensor.Tensor) error {
	p := newProducts(in[0].Shape, in[1].Shape)
	if len(p.a) == 0 {
		return nil
	}
	p.merge()
	multiply(c, &p, in, out, k.ready, [4]int{p.k, 1, p.n, 1})
	return nil
}

// multiply computes products of any of productTypes but the 16-bit floats. strides are those of A's rows and columns and
// of B's.
func multiply(c *Context, p *products, in, out []*tensor.Tensor, ready *kernel.PackedCols, strides [4]int) {
	switch in[0].Data.(type) {
	case []float32:
		a, b := operands[float32](p, in, strides)
		kernel.Gemm(c.Pool, c.Scratch(kernel.GemmScratch(c.Pool, len(p.a), p.m, p.n, p.k)), tensor.Data[float32](out[0]), p.m, p.n, p.k, a, b, ready)
	case []float64:
		multiplyPlain[float64](c, p, in, out, strides)
	case []int32:
		multiplyPlain[int32](c, p, in, out, strides)
	case []int64:
		multiplyPlain[int64](c, p, in, out, strides)
	case []uint32:
		multiplyPlain[uint32](c, p, in, out, strides)
	case []uint64:
		multiplyPlain[uint64](c, p, in, out, strides)
	}
}

func multiplyPlain[T kernel.Number](c *Context, p *products, in, out []*tensor.Tensor, strides [4]int) {
	a, b := operands[T](p, in, strides)
	kernel.GemmGeneric(c.Pool, tensor.Data[T](out[0]), p.m, p.n, p.k, a, b)
}

func operands[T kernel.Number](p *products, in []*tensor.Tensor, strides [4]int) (a, b kernel.Operand[T]) {
	return kernel.Operand[T]{Data: tensor.Data[T](in[0]), Offsets: p.a, RowStride: strides[0], ColStride: strides[1]},
		kernel.Operand[T]{Data: tensor.Data[T](in[1]), Offsets: p.b, RowStride: strides[2], ColStride: strides[3]}
}

// gemm is Gemm, alpha·A'·B' + beta·C. ready holds B', packed, where it is constant.
type gemm struct {
	transA, transB bool
	alpha, beta    float32
	ready          *kernel.PackedCols
}

func bindGemm(n *Node) (Kernel, error) {
	k := &gemm{transA: n.Attrs.Int("transA") == 1, transB: n.Attrs.Int("transB") == 1, alpha: n.Attrs.Float("alpha"), beta: n.Attrs.Float("beta")}
	if n.In[0].DType.IsInt() {
		for _, v := range []float32{k.alpha, k.beta} {
			if v != float32(math.Trunc(float64(v))) || math.Abs(float64(v)) > 1<<24 {
				return nil, fmt.Errorf("attributes \"alpha\" %v and \"beta\" %v are not supported for %s (whole numbers are)", k.alpha, k.beta, n.In[0].DType)
			}
		}
	}
	if b := n.In[1].Value; b != nil && (b.DType == tensor.Float32 || isHalf(b.DType)) {
		rows, cols, rowStride, colStride := transposed(b.Shape, k.transB)
		k.ready = kernel.PackCols(kernel.Operand[float32]{Data: floats[float32](b), Offsets: []int{0}, RowStride: rowStride, ColStride: colStride}, rows, cols)
	}
	return productKernel(n, k)
}

// transposed gives rows, columns and their strides of a row-major matrix, transposed on demand.
func transposed(shape []int, trans bool) (rows, cols, rowStride, colStride int) {
	if trans {
		return shape[1], shape[0], 1, shape[1]
	}
	return shape[0], shape[1], shape[1], 1
}

func (k *gemm) Run(c *Context, in, out []*tensor.Tensor) error {
	p := products{a: []int{0}, b: []int{0}}
	var strides [4]int
	p.m, p.k, strides[0], strides[1] = transposed(in[0].Shape, k.transA)
	_, p.n, strides[2], strides[3] = transposed(in[1].Shape, k.transB)
	multiply(c, &p, in, out, k.ready, strides)
	bias := optional(in, 2)
	if bias != nil && k.beta == 0 {
		bias = nil
	}
	if bias == nil && k.alpha == 1 {
		return nil
	}
	switch out[0].Data.(type) {
	case []float32:
		addBias[float32](c, k, &p, bias, out[0])
	case []float64:
		addBias[float64](c, k, &p, bias, out[0])
	case []int32:
		addBias[int32](c, k, &p, bias, out[0])
	case []int64:
		addBias[int64](c, k, &p, bias, out[0])
	case []uint32:
		addBias[uint32](c, k, &p, bias, out[0])
	case []uint64:
		addBias[uint64](c, k, &p, bias, out[0])
	}
	return nil
}

// addBias multiplies the product by alpha and adds beta times a bias, if there is one, that broadcasts to it.
func addBias[T kernel.Number](c *Context, k *gemm, p *products, bias, out *tensor.Tensor) {
	alpha, beta := factor[T](k.alpha), factor[T](k.beta)
	y, b := tensor.Data[T](out), tensor.Data[T](bias)
	rowStride, colStride := 0, 0
	if bias != nil {
		shape := bias.Shape
		if n := len(shape); n > 0 && shape[n-1] != 1 {
			colStride = 1
		}
		if n := len(shape); n > 1 && shape[n-2] != 1 {
			rowStride = shape[n-1]
		}
	}
	c.Pool.For(p.m, 16, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			row := y[i*p.n:][:p.n]
			for j := range row {
				row[j] *= alpha
			}
			if b == nil {
				continue
			}
			for j := range row {
				row[j] += beta * b[i*rowStride+j*colStride]
			}
		}
	})
}

// factor converts alpha and beta, which are whole numbers where T is an integer type; negative ones wrap around, as the
// sums that they multiply do.
func factor[T kernel.Number](v float32) T {
	if T(0)-1 > 0 { // unsigned
		return T(int64(v))
	}
	return T(v)
}

// matMulInteger is MatMulInteger, for every mix of int8 and uint8.
type matMulInteger struct{}

func bindMatMulInteger(*Node) (Kernel, error) { return matMulInteger{}, nil }

func (matMulInteger) Run(c *Context, in, out []*tensor.Tensor) error {
	switch a := in[0].Data.(type) {
	case []uint8:
		multiplyBytes(c, in, out, a)
	case []int8:
		multiplyBytes(c, in, out, a)
	}
	return nil
}

func multiplyBytes[A int8 | uint8](c *Context, in, out []*tensor.Tensor, a []A) {
	if b, ok := in[1].Data.([]uint8); ok {
		multiplyIntegers(c, in, out, a, b)
	} else {
		multiplyIntegers(c, in, out, a, tensor.Data[int8](in[1]))
	}
}

func multiplyIntegers[A, B int8 | uint8](c *Context, in, out []*tensor.Tensor, a []A, b []B) {
	p := newProducts(in[0].Shape, in[1].Shape)
	if len(p.a) == 0 {
		return
	}
	x := kernel.Operand[A]{Data: a, Offsets: p.a, RowStride: p.k, ColStride: 1}
	y := kernel.Operand[B]{Data: b, Offsets: p.b, RowStride: p.n, ColStride: 1}
	scratch := c.Scratch(kernel.GemmScratch(c.Pool, len(p.a), p.m, p.n, p.k))
	kernel.GemmInteger(c.Pool, scratch, tensor.Data[int32](out[0]), p.m, p.n, p.k, x, y,
		zeroPoints(optional(in, 2), p.a, p.m, p.k), zeroPoints(optional(in, 3), p.b, p.n, p.k))
}

// zeroPoints reads the zero points of an operand whose matrices, k times members elements each, begin at the given
// offsets: a single one, one for each member (row of A or column of B), or that for every matrix.
func zeroPoints(t *tensor.Tensor, offsets []int, members, k int) kernel.ZeroPoints {
	z := kernel.ZeroPoints{Values: int32s(t)}
	if len(z.Values) <= 1 {
		return z
	}
	z.Stride = 1
	if len(t.Shape) > 1 {
		for _, at := range offsets {
			z.Offsets = append(z.Offsets, at/max(k, 1))
		}
	}
	return z
}
