package rtattr

// A Scalar is a number of fixed size.
type Scalar interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// An Array is an array of numbers in place, in the byte order of the wire.
type Array[T Scalar] struct {
	b    []byte
	elem Type
}

// ArrayOf returns the array at off, whose elements have the wire type elem.
// Generated getters call it.
func ArrayOf[T Scalar](a Attrs, off uint32, elem Type) (Array[T], bool) {
	b, ok := a.Bytes(off)
	return Array[T]{b, elem}, ok
}

// Len returns how many numbers there are; bytes that fill none are left out.
func (a Array[T]) Len() int { return len(a.b) / max(1, a.elem.size()) }

// At returns the i-th number.
func (a Array[T]) At(i int) T {
	n := a.elem.size()
	return T(scalar(a.b[i*n:], a.elem, n))
}
