package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"autodeeplab/internal/kernel/toomcook"
)

// stageBytes is the length of a staged phase, as in package kernel.
const stageBytes = 4 * 128

// winograd writes the transforms of each algorithm, and the copies between rows of an image and its phases.
func winograd() {
	for _, s := range isas {
		for i := range toomcook.Algorithms {
			a := &toomcook.Algorithms[i]
			winogradIn(s, a)
			winogradOut(s, a)
			winogradGrad(s, a)
		}
		for m := 2; m <= 4; m++ {
			for dilation := 1; dilation <= 2; dilation++ {
				winogradSplit(s, m, dilation)
				winogradJoin(s, m, dilation)
			}
		}
	}
}

// winogradIn transforms one vector of tiles after another: columns first, by way of tmp, then rows.
func winogradIn(s isa, a *toomcook.Algorithm) {
	TEXT(name("winogradIn%s%s", a.Name, s.name), NOSPLIT, "func(dst, src *float32, n, pointLd, shift int, tmp *float32)")
	Pragma("noescape")
	Doc(name("winogradIn%s%s is winogradInGo for n ≥ 1 tiles; it works on, and writes, whole vectors of %d.", a.Name, s.name, s.lanes))
	dst, src, n, ld, shift, tmp := pointer("dst"), pointer("src"), pointer("n"), pointer("pointLd"), pointer("shift"), pointer("tmp")
	SHLQ(operand.Imm(2), ld)
	matrix := a.Input()

	Label("tiles")
	from := src
	for j := range a.N() {
		if j > 0 && j%a.M == 0 {
			next := GP64()
			LEAQ(operand.Mem{Base: from, Index: shift, Scale: 4}, next)
			from = next
		}
		x := s.vecs(a.N())
		for i := range x {
			VMOVUPS(at(from, (i*a.M+j%a.M)*stageBytes), x[i])
		}
		s.inputRows(a, matrix, x, func(i int, v reg.VecVirtual) { VMOVUPS(v, at(tmp, (i*a.N()+j)*s.bytes())) })
	}
	row := GP64()
	MOVQ(dst, row)
	for i := range a.N() {
		x := s.vecs(a.N())
		for j := range x {
			VMOVUPS(at(tmp, (i*a.N()+j)*s.bytes()), x[j])
		}
		// Points are written in rising order, so that one pointer walks through them.
		out := make([]reg.VecVirtual, a.N())
		done := 0
		s.inputRows(a, matrix, x, func(j int, v reg.VecVirtual) {
			out[j] = v
			for done < a.N() && out[done] != nil {
				VMOVUPS(out[done], at(row, 0))
				if i+1 < a.N() || done+1 < a.N() {
					ADDQ(ld, row)
				}
				done++
			}
		})
	}
	ADDQ(operand.Imm(uint64(s.bytes())), src)
	ADDQ(operand.Imm(uint64(s.bytes())), dst)
	SUBQ(operand.Imm(uint64(s.lanes)), n)
	JG(operand.LabelRef("tiles"))
	VZEROUPPER()
	RET()
}

// inputRows multiplies Bᵀ by a vector. The two rows of a pair of points are e + o and e − o, the halves of their
// polynomials of even and odd degree.
func (s isa) inputRows(a *toomcook.Algorithm, matrix [][]float64, x []reg.VecVirtual, emit func(i int, v reg.VecVirtual)) {
	for i := 0; i < a.N(); i++ {
		if !a.Pair(i) {
			emit(i, s.combine(matrix[i], x))
			continue
		}
		even, odd, lead := make([]float64, a.N()), make([]float64, a.N()), 0.0
		for j := range even {
			even[j], odd[j] = (matrix[i][j]+matrix[i+1][j])/2, (matrix[i][j]-matrix[i+1][j])/2
			if odd[j] != 0 {
				lead = odd[j]
			}
		}
		for j := range odd {
			odd[j] /= lead
		}
		e, o, minus := s.combine(even, x), s.combine(odd, x), s.vec()
		if lead == 1 {
			VSUBPS(o, e, minus)
			VADDPS(o, e, e)
		} else {
			VMOVAPS(e, minus)
			VFNMADD231PS(s.constant(lead), o, minus)
			VFMADD231PS(s.constant(lead), o, e)
		}
		emit(i, e)
		emit(i+1, minus)
		i++
	}
}

// combine sums factors times vectors into a new register.
func (s isa) combine(factors []float64, x []reg.VecVirtual) reg.VecVirtual {
	v := s.vec()
	first := -1
	for j, f := range factors {
		if f == 1 && (first < 0 || factors[first] != 1) || f != 0 && first < 0 {
			first = j
		}
	}
	if factors[first] == 1 {
		VMOVAPS(x[first], v)
	} else {
		VMULPS(s.constant(factors[first]), x[first], v)
	}
	for j, f := range factors {
		switch {
		case j == first || f == 0:
		case f == 1:
			VADDPS(x[j], v, v)
		case f == -1:
			VSUBPS(x[j], v, v)
		default:
			VFMADD231PS(s.constant(f), x[j], v)
		}
	}
	return v
}

var constants = map[float32]operand.Mem{}

// constant is a vector full of one number.
func (s isa) constant(f float64) operand.Mem {
	f32 := float32(f)
	m, ok := constants[f32]
	if !ok {
		m = GLOBL(name("factor%08x", math.Float32bits(f32)), 8|16) // RODATA, NOPTR
		for l := range 16 {
			DATA(4*l, operand.U32(math.Float32bits(f32))) // whole numbers would be written as integers
		}
		constants[f32] = m
	}
	return m
}

// winogradOut transforms products back: columns first, by way of tmp, then rows.
func winogradOut(s isa, a *toomcook.Algorithm) {
	TEXT(name("winogradOut%s%s", a.Name, s.name), NOSPLIT,
		"func(dst, src *float32, n, pointLd int, tmp *float32, bias, lo, hi float32)")
	Pragma("noescape")
	Doc(name("winogradOut%s%s is winogradOutGo for n ≥ 1 tiles; it works on, and writes, whole vectors of %d.", a.Name, s.name, s.lanes))
	dst, src, n, ld, tmp := pointer("dst"), pointer("src"), pointer("n"), pointer("pointLd"), pointer("tmp")
	SHLQ(operand.Imm(2), ld)
	column := GP64() // from point to the one below it
	IMUL3Q(operand.Imm(uint64(a.N())), ld, column)
	bias, lo, hi := s.broadcast("bias"), s.broadcast("lo"), s.broadcast("hi")

	Label("tiles")
	from, point := GP64(), GP64()
	MOVQ(src, from)
	for j := range a.N() {
		MOVQ(from, point)
		x := s.vecs(a.N())
		for i := range x {
			VMOVUPS(at(point, 0), x[i])
			if i+1 < a.N() {
				ADDQ(column, point)
			}
		}
		if j+1 < a.N() {
			ADDQ(ld, from)
		}
		s.outputRows(a, x, func(i int, v reg.VecVirtual) { VMOVUPS(v, at(tmp, (i*a.N()+j)*s.bytes())) })
	}
	for i := range a.M {
		x := s.vecs(a.N())
		for j := range x {
			VMOVUPS(at(tmp, (i*a.N()+j)*s.bytes()), x[j])
		}
		s.outputRows(a, x, func(j int, v reg.VecVirtual) {
			VADDPS(bias, v, v)
			VMAXPS(v, lo, v)
			VMINPS(v, hi, v)
			VMOVUPS(v, at(dst, (i*a.M+j)*stageBytes))
		})
	}
	ADDQ(operand.Imm(uint64(s.bytes())), src)
	ADDQ(operand.Imm(uint64(s.bytes())), dst)
	SUBQ(operand.Imm(uint64(s.lanes)), n)
	JG(operand.LabelRef("tiles"))
	VZEROUPPER()
	RET()
}

// outputRows multiplies Aᵀ by a vector, which it overwrites: of a pair, even rows take the sum and odd ones the
// difference.
func (s isa) outputRows(a *toomcook.Algorithm, x []reg.VecVirtual, emit func(i int, v reg.VecVirtual)) {
	matrix := a.Output()
	for i := range a.N() {
		if a.Pair(i) {
			d := s.vec()
			VSUBPS(x[i+1], x[i], d)
			VADDPS(x[i+1], x[i], x[i])
			x[i+1] = d
			for r := range matrix {
				matrix[r][i+1-r%2] = 0 // the other half
				matrix[r][i+r%2] = math.Pow(a.Points[i], float64(r))
			}
		}
	}
	for r := range matrix {
		emit(r, s.combine(matrix[r], x))
	}
}

// winogradGrad takes outputs' gradients to the points: columns first, by way of tmp, then rows.
func winogradGrad(s isa, a *toomcook.Algorithm) {
	TEXT(name("winogradGrad%s%s", a.Name, s.name), NOSPLIT, "func(dst, src *float32, n, pointLd int, tmp *float32)")
	Pragma("noescape")
	Doc(name("winogradGrad%s%s is winogradGradGo for n ≥ 1 tiles; it works on, and writes, whole vectors of %d.", a.Name, s.name, s.lanes))
	dst, src, n, ld, tmp := pointer("dst"), pointer("src"), pointer("n"), pointer("pointLd"), pointer("tmp")
	SHLQ(operand.Imm(2), ld)

	Label("tiles")
	for j := range a.M {
		x := s.vecs(a.M)
		for i := range x {
			VMOVUPS(at(src, (i*a.M+j)*stageBytes), x[i])
		}
		s.gradRows(a, x, func(i int, v reg.VecVirtual) { VMOVUPS(v, at(tmp, (i*a.M+j)*s.bytes())) })
	}
	row := GP64()
	MOVQ(dst, row)
	for i := range a.N() {
		x := s.vecs(a.M)
		for j := range x {
			VMOVUPS(at(tmp, (i*a.M+j)*s.bytes()), x[j])
		}
		s.gradRows(a, x, func(j int, v reg.VecVirtual) {
			VMOVUPS(v, at(row, 0))
			if i+1 < a.N() || j+1 < a.N() {
				ADDQ(ld, row)
			}
		})
	}
	ADDQ(operand.Imm(uint64(s.bytes())), src)
	ADDQ(operand.Imm(uint64(s.bytes())), dst)
	SUBQ(operand.Imm(uint64(s.lanes)), n)
	JG(operand.LabelRef("tiles"))
	VZEROUPPER()
	RET()
}

// gradRows multiplies A, the transpose of Aᵀ, by a vector, and emits the rows in their order. The two rows of a pair of
// points are e + o and e − o, the sums of the even and the odd powers.
func (s isa) gradRows(a *toomcook.Algorithm, x []reg.VecVirtual, emit func(i int, v reg.VecVirtual)) {
	output := a.Output()
	column := func(i int) []float64 {
		c := make([]float64, a.M)
		for j := range c {
			c[j] = output[j][i]
		}
		return c
	}
	for i := 0; i < a.N(); i++ {
		if !a.Pair(i) {
			emit(i, s.combine(column(i), x))
			continue
		}
		even, odd := column(i), column(i)
		for j := range even {
			if j%2 == 0 {
				odd[j] = 0
			} else {
				even[j] = 0
			}
		}
		e, o, plus := s.combine(even, x), s.combine(odd, x), s.vec()
		VADDPS(o, e, plus)
		emit(i, plus)
		VSUBPS(o, e, e)
		emit(i+1, e)
		i++
	}
}

// shuffleTable holds, for lane l of vector v of a result, the number of the input element that belongs there.
type shuffleTable func(v, l int) int

// splitTable takes m vectors of a row apart: in phase f, tile l's element is f blocks behind where the tile begins.
func splitTable(m, dilation int) shuffleTable {
	return func(f, l int) int { return (l/dilation*m+f)*dilation + l%dilation }
}

// joinTable is its inverse.
func joinTable(s isa, m, dilation int) shuffleTable {
	return func(v, l int) int {
		u := v*s.lanes + l
		block := u / dilation
		return block%m*s.lanes + block/m*dilation + u%dilation
	}
}

// shuffle makes n new vectors out of the elements of x. symbol names its constants.
func (s isa) shuffle(symbol string, x []reg.VecVirtual, table shuffleTable, n int) []reg.VecVirtual {
	out := make([]reg.VecVirtual, n)
	for v := range out {
		out[v] = s.vec()
		if s.lanes == 16 {
			// Pick from the first two, then put in what comes from each other.
			for k := 1; k < len(x); k++ {
				m := indices(s, name("%s_%d_%d", symbol, v, k), func(l int) int {
					switch u := table(v, l); {
					case u/s.lanes == k:
						return s.lanes + u%s.lanes
					case k == 1:
						return u % s.lanes
					default:
						return l
					}
				})
				if k == 1 {
					VMOVUPS(m, out[v])
					VPERMI2PS(x[1], x[0], out[v])
					continue
				}
				index := s.vec()
				VMOVUPS(m, index)
				VPERMT2PS(x[k], index, out[v])
			}
			continue
		}
		index := s.vec()
		VMOVUPS(indices(s, name("%s_%d", symbol, v), func(l int) int { return table(v, l) % s.lanes }), index)
		VPERMPS(x[0], index, out[v])
		for k := 1; k < len(x); k++ {
			mask := 0
			for l := range s.lanes {
				if table(v, l)/s.lanes == k {
					mask |= 1 << l
				}
			}
			if mask == 0 {
				continue
			}
			t := s.vec()
			VPERMPS(x[k], index, t)
			VBLENDPS(operand.Imm(uint64(mask)), t, out[v], out[v])
		}
	}
	return out
}

var indexTables = map[string]operand.Mem{}

// indices is a constant vector of integers.
func indices(s isa, symbol string, lane func(l int) int) operand.Mem {
	m, ok := indexTables[symbol]
	if !ok {
		m = GLOBL(symbol, 8|16) // RODATA, NOPTR
		for l := range s.lanes {
			DATA(4*l, operand.U32(uint32(lane(l))))
		}
		indexTables[symbol] = m
	}
	return m
}

// winogradSplit works on m vectors of each row at a time, under masks that leave out what lies beside the image. The rows
// of a channel are too few for the processor to see a pattern, so it is told what comes next: ahead elements further on.
func winogradSplit(s isa, m, dilation int) {
	symbol := name("winogradSplit%dx%d%s", m, dilation, s.name)
	TEXT(symbol, NOSPLIT, "func(dst, src *float32, x0, width, n, rows, srcLd, ahead int)")
	Pragma("noescape")
	Doc(name("%s is winogradSplitGo for m = %d, dilation %d, n ≥ 1 tiles and rows ≥ 1; it writes whole vectors of %d.", symbol, m, dilation, s.lanes))
	dst, src, lo, hi := pointer("dst"), pointer("src"), pointer("x0"), pointer("width")
	n, rows, ld := pointer("n"), pointer("rows"), pointer("srcLd")
	ahead := pointer("ahead")
	LEAQ(operand.Mem{Base: src, Index: lo, Scale: 4}, src)
	SHLQ(operand.Imm(2), ld)
	SUBQ(lo, hi) // elements before the image's end
	NEGQ(lo)     // elements before its beginning

	Label("tiles")
	masks := s.windowMasks(lo, hi, m)
	p, q, r := GP64(), GP64(), GP64()
	MOVQ(src, p)
	MOVQ(dst, q)
	MOVQ(rows, r)
	Label("row")
	x := s.vecs(m)
	for i := range x {
		s.loadMasked(at(p, i*s.bytes()), masks[i], x[i])
		PREFETCHT0(operand.Mem{Base: p, Index: ahead, Scale: 4, Disp: i * s.bytes()})
	}
	for i, v := range s.shuffle(symbol, x, splitTable(m, dilation), m) {
		VMOVUPS(v, at(q, i*stageBytes))
	}
	ADDQ(ld, p)
	ADDQ(operand.U32(m*stageBytes), q)
	DECQ(r)
	JNZ(operand.LabelRef("row"))
	ADDQ(operand.U32(m*s.bytes()), src)
	ADDQ(operand.Imm(uint64(s.bytes())), dst)
	SUBQ(operand.U32(m*s.lanes), lo)
	SUBQ(operand.U32(m*s.lanes), hi)
	SUBQ(operand.Imm(uint64(s.lanes)), n)
	JG(operand.LabelRef("tiles"))
	VZEROUPPER()
	RET()
}

// windowMasks makes registers that select elements lo ≤ u < hi of n vectors side by side, 64 elements at most. lo and hi
// are 32-bit numbers of either sign.
func (s isa) windowMasks(lo, hi reg.Register, n int) []reg.Register {
	out := make([]reg.Register, n)
	if s.lanes == 16 {
		bits := s.lowBits(hi)
		before := s.lowBits(lo)
		ANDNQ(bits, before, bits)
		for i := range out {
			k := K()
			KMOVW(bits.As32(), k)
			if i+1 < n {
				SHRQ(operand.Imm(16), bits)
			}
			out[i] = k
		}
		return out
	}
	fill := func(r reg.Register) reg.VecVirtual {
		x, v := XMM(), s.vec()
		VMOVD(r.(reg.GPVirtual).As32(), x)
		VPBROADCASTD(x, v)
		return v
	}
	first, end := fill(lo), fill(hi)
	for i := range out {
		before, m := s.vec(), s.vec()
		VPCMPGTD(laneNumbers(i), first, before)
		VPCMPGTD(laneNumbers(i), end, m)
		VPANDN(m, before, m)
		out[i] = m
	}
	return out
}

// lowBits sets the n lowest of 64 bits; n may lie outside 0 … 64.
func (s isa) lowBits(n reg.Register) reg.GPVirtual {
	bits, count, bound := GP64(), GP64(), GP64()
	MOVQ(n, count)
	XORQ(bound, bound)
	TESTQ(count, count)
	CMOVQLT(bound, count)
	MOVQ(operand.I32(64), bound)
	CMPQ(count, bound)
	CMOVQGT(bound, count)
	MOVQ(operand.I32(-1), bits)
	BZHIQ(count, bits, bits)
	return bits
}

// winogradJoin puts phases back side by side. Vectors that are wholly within the row are stored without masks, which is
// quicker where stores under masks are slow.
func winogradJoin(s isa, m, dilation int) {
	symbol := name("winogradJoin%dx%d%s", m, dilation, s.name)
	TEXT(symbol, NOSPLIT, "func(dst, src *float32, count, rows, dstLd int)")
	Pragma("noescape")
	Doc(name("%s is winogradJoinGo for m = %d, dilation %d, count ≥ 1 and rows ≥ 1.", symbol, m, dilation))
	dst, src, count, rows, ld := pointer("dst"), pointer("src"), pointer("count"), pointer("rows"), pointer("dstLd")
	SHLQ(operand.Imm(2), ld)

	walk := func(label string, store func(i int, v reg.VecVirtual, q reg.Register)) {
		p, q, r := GP64(), GP64(), GP64()
		MOVQ(src, p)
		MOVQ(dst, q)
		MOVQ(rows, r)
		Label(label)
		x := s.vecs(m)
		for i := range x {
			VMOVUPS(at(p, i*stageBytes), x[i])
		}
		for i, v := range s.shuffle(symbol, x, joinTable(s, m, dilation), m) {
			store(i, v, q)
		}
		ADDQ(operand.U32(m*stageBytes), p)
		ADDQ(ld, q)
		DECQ(r)
		JNZ(operand.LabelRef(label))
	}
	Label("whole")
	CMPQ(count, operand.U32(m*s.lanes))
	JL(operand.LabelRef("part"))
	walk("wholeRow", func(i int, v reg.VecVirtual, q reg.Register) { VMOVUPS(v, at(q, i*s.bytes())) })
	ADDQ(operand.U32(m*s.bytes()), dst)
	ADDQ(operand.Imm(uint64(s.bytes())), src)
	SUBQ(operand.U32(m*s.lanes), count)
	JMP(operand.LabelRef("whole"))

	Label("part")
	TESTQ(count, count)
	JZ(operand.LabelRef("done"))
	zero := GP64()
	XORQ(zero, zero)
	masks := s.windowMasks(zero, count, m)
	walk("partRow", func(i int, v reg.VecVirtual, q reg.Register) { s.storeMasked(v, masks[i], at(q, i*s.bytes())) })
	Label("done")
	VZEROUPPER()
	RET()
}
