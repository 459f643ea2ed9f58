package kernel

//go:generate go run ./asm -family vector -out binary_amd64.s -stubs binary_stub_amd64.go

// vectorAsm is the assembly of the element-wise operations for one instruction set. Every function wants n to be a
// positive multiple of rowStep; dst may be an operand.
type vectorAsm struct {
	pair [OpMax + 1]func(dst, x, y *float32, n int) // by Arithmetic
	relu func(dst, src *float32, n int)
	clip func(dst, src *float32, n int, lo, hi float32)
}

// vectorSets lists the assembly that this machine can run, the fastest first; vectorFast is what is used, nil for none.
var (
	vectorSets = asmVectors()
	vectorFast = func() *vectorAsm {
		if len(vectorSets) > 0 {
			return vectorSets[0]
		}
		return nil
	}()
)

// vectorPart is how much of n elements the assembly does.
func vectorPart(n int) int {
	if vectorFast == nil {
		return 0
	}
	return n &^ (rowStep - 1)
}

// vectorRow gives the row function of an operation on float32 that assembly does, nil if none does.
func vectorRow(op Arithmetic) func(dst, x, y []float32) {
	if op > OpMax || vectorFast == nil {
		return nil
	}
	fast, rest := vectorFast.pair[op], map[Arithmetic]func(dst, x, y []float32){
		OpAdd: addRows[float32], OpSub: subRows[float32], OpMul: mulRows[float32],
		OpDiv: divRows[float32], OpMin: minRows[float32], OpMax: maxOfRows[float32],
	}[op]
	return func(dst, x, y []float32) {
		x, y = x[:len(dst)], y[:len(dst)]
		n := vectorPart(len(dst))
		if n > 0 {
			fast(&dst[0], &x[0], &y[0], n)
		}
		rest(dst[n:], x[n:], y[n:])
	}
}

func reluFloats(dst, src []float32) {
	src = src[:len(dst)]
	n := vectorPart(len(dst))
	if n > 0 {
		vectorFast.relu(&dst[0], &src[0], n)
	}
	for i, x := range src[n:] {
		dst[n+i] = max(x, 0)
	}
}

func clipFloats(dst, src []float32, lo, hi float32) {
	src = src[:len(dst)]
	n := vectorPart(len(dst))
	if n > 0 {
		vectorFast.clip(&dst[0], &src[0], n, lo, hi)
	}
	for i, x := range src[n:] {
		if x < lo {
			x = lo
		}
		if x > hi {
			x = hi
		}
		dst[n+i] = x
	}
}
