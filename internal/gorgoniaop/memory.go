package gorgoniaop

import (
	"math"
	"slices"
	"unsafe"

	"autodeeplab/internal/kernel"
	"autodeeplab/internal/offheap"
)

// memory is an array outside Go's heap, which the garbage collector would otherwise let grow to twice of it.
type memory[T kernel.Float] struct {
	block *offheap.Block // keeps data alive
	data  []T
}

// newMemory gives n zeros.
func newMemory[T kernel.Float](n int) memory[T] {
	if n == 0 {
		return memory[T]{}
	}
	b := offheap.New(n * int(unsafe.Sizeof(T(0))))
	return memory[T]{b, unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b.Bytes()))), n)}
}

// grow makes the array hold n elements, of arbitrary contents, and gives them.
func (m *memory[T]) grow(n int) []T {
	if len(m.data) < n {
		*m = memory[T]{} // before the new one comes
		*m = newMemory[T](n)
	}
	return m.data[:n]
}

// piece is memory of a Net that is needed from one time to another, both included. Times count the steps of a forward
// pass and then those of the backward pass; pieces whose times do not meet share memory.
type piece struct {
	size     int
	from, to int
	offset   int    // in the arena, after layOut
	whole    *piece // if not nil, this is elements [at, at+size) of that one
	at       int
}

func newPiece(size int) *piece { return &piece{size: size, from: math.MaxInt, to: -1} }

// root gives the piece that has memory of its own, and where p begins in it.
func (p *piece) root() (*piece, int) {
	at := 0
	for p.whole != nil {
		p, at = p.whole, at+p.at
	}
	return p, at
}

// use says that p is needed at a time.
func (p *piece) use(time int) {
	r, _ := p.root()
	r.from, r.to = min(r.from, time), max(r.to, time)
}

// lieIn makes p a part of whole, from element at on. p must have memory of its own.
func (p *piece) lieIn(whole *piece, at int) {
	p.whole, p.at = whole, at
	if p.to >= 0 {
		whole.use(p.from)
		whole.use(p.to)
	}
}

// pieceUnit is what pieces begin at multiples of, in elements.
const pieceUnit = 32

// layOut gives every root piece its offset, and returns the length of the arena. The largest pieces choose first, each
// the tightest gap that pieces alive at the same time leave.
func layOut(pieces []*piece) (length int) {
	var order []*piece
	for _, p := range pieces {
		if p.whole == nil && p.to >= 0 && p.size > 0 {
			order = append(order, p)
		}
	}
	slices.SortStableFunc(order, func(a, b *piece) int { return b.size - a.size })
	var placed []*piece // by offset
	for _, p := range order {
		end, best, tightest := 0, -1, math.MaxInt
		for _, q := range placed {
			if q.to < p.from || p.to < q.from {
				continue
			}
			if gap := q.offset - end; gap >= p.size && gap < tightest {
				best, tightest = end, gap
			}
			end = max(end, roundUp(q.offset+q.size, pieceUnit))
		}
		if best < 0 {
			best = end
		}
		p.offset = best
		length = max(length, best+p.size)
		at, _ := slices.BinarySearchFunc(placed, best, func(q *piece, offset int) int { return q.offset - offset })
		placed = slices.Insert(placed, at, p)
	}
	return length
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
