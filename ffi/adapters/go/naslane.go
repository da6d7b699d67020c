// Package naslane is for AMFs in Go that let naslane keep keys and COUNTs: sessions, and batches of messages in one call.
//
// A call into C costs about as much as a message, so collect what one poll brought and make one Batch of it. Payloads are
// offsets into one arena: no Go pointer is ever stored where C sees it.
package naslane

// #cgo pkg-config: naslane
// #include <naslane.h>
// #include <stdlib.h>
import "C"

import (
	"errors"
	"runtime"
	"unsafe"
)

// Access over which a message travels.
type Access uint8

const (
	ThreeGpp    Access = 1
	NonThreeGpp Access = 2
)

// Role of a session.
type Role uint8

const (
	Amf Role = C.NASLANE_ROLE_AMF
	Ue  Role = C.NASLANE_ROLE_UE
)

// Status is a naslane_status; 0 is OK.
type Status int32

func (s Status) Error() string { return "naslane: " + C.GoString(C.naslane_status_text(C.int32_t(s))) }

func failure(status C.int32_t) error {
	if status == C.NASLANE_OK {
		return nil
	}
	return Status(status)
}

func first(octets []byte) *C.uint8_t {
	if len(octets) == 0 {
		var nothing [1]byte
		return (*C.uint8_t)(unsafe.Pointer(&nothing[0]))
	}
	return (*C.uint8_t)(unsafe.Pointer(&octets[0]))
}

// Engine holds sessions. It may be used by many goroutines; Close it when all have ended.
type Engine struct{ engine *C.naslane_engine }

// New makes an engine with the settings that naslane_config_init gives.
func New() (*Engine, error) {
	var engine *C.naslane_engine
	if err := failure(C.naslane_engine_new(nil, &engine)); err != nil {
		return nil, err
	}
	return &Engine{engine}, nil
}

// Close wipes and frees.
func (e *Engine) Close() error {
	err := failure(C.naslane_engine_free(e.engine))
	e.engine = nil
	return err
}

// Session is one UE's NAS security. It is a number: it may be copied and kept in the UE's context.
type Session uint64

// Establish begins a session.
func (e *Engine) Establish(role Role) (Session, error) {
	var session C.uint64_t
	err := failure(C.naslane_establish(e.engine, C.uint8_t(role), &session))
	return Session(session), err
}

// Release ends it and wipes its keys.
func (e *Engine) Release(s Session) error { return failure(C.naslane_release(e.engine, C.uint64_t(s))) }

// Authenticated hands over K_AMF after the primary authentication, with the UE's security capability as it was received.
func (e *Engine) Authenticated(s Session, kAmf *[32]byte, ngKsi uint8, capability []byte) error {
	return failure(C.naslane_authenticated(e.engine, C.uint64_t(s), first(kAmf[:]), C.uint8_t(ngKsi), first(capability),
		C.size_t(len(capability)), 0))
}

// Command makes a SECURITY MODE COMMAND; the engine's policy chooses the algorithms.
func (e *Engine) Command(s Session) ([]byte, error) {
	var request C.naslane_smc_request
	var sent C.naslane_sent
	if err := failure(C.naslane_smc_request_init(&request)); err != nil {
		return nil, err
	}
	out := make([]byte, C.NASLANE_SMC_ROOM)
	err := failure(C.naslane_smc_command(e.engine, C.uint64_t(s), &request, first(out), C.size_t(len(out)), &sent))
	return out[:sent.len], err
}

// Answer is the UE's half: the answer to a SECURITY MODE COMMAND, for load generators and tests.
func (e *Engine) Answer(s Session, access Access, capability, command []byte) ([]byte, error) {
	// C keeps no address, but this structure holds one: it lives in C's memory with a copy of the capability.
	ue := (*C.naslane_ue)(C.calloc(1, C.size_t(unsafe.Sizeof(C.naslane_ue{}))))
	copied := C.CBytes(capability)
	defer C.free(copied)
	defer C.free(unsafe.Pointer(ue))
	if err := failure(C.naslane_ue_init(ue)); err != nil {
		return nil, err
	}
	ue.ue_sec_cap, ue.ue_sec_cap_len = (*C.uint8_t)(copied), C.size_t(len(capability))
	var sent C.naslane_sent
	out := make([]byte, C.NASLANE_SMC_ROOM)
	err := failure(C.naslane_ue_answer(e.engine, C.uint64_t(s), C.uint8_t(access), ue, first(command),
		C.size_t(len(command)), first(out), C.size_t(len(out)), &sent))
	return out[:sent.len], err
}

// Batch is messages of any sessions; those of one session keep their order. Reset it and use it again: it keeps its memory.
type Batch struct {
	jobs  []C.naslane_job
	arena []byte
}

// Reset empties the batch and wipes its messages.
func (b *Batch) Reset() {
	for i := range b.arena {
		b.arena[i] = 0
	}
	b.jobs, b.arena = b.jobs[:0], b.arena[:0]
}

func (b *Batch) add(op uint8, s Session, access Access, message []byte, room int) int {
	start := len(b.arena)
	b.arena = append(b.arena, message...)
	b.arena = append(b.arena, make([]byte, room)...)
	b.jobs = append(b.jobs, C.naslane_job{
		op: C.uint8_t(op), access: C.uint8_t(access), session: C.uint64_t(s),
		in_offset: C.uint32_t(start), in_len: C.uint32_t(len(message)),
		out_offset: C.uint32_t(start + len(message)), out_capacity: C.uint32_t(room),
	})
	return len(b.jobs) - 1
}

// Protect adds a plain message; its place is that of its result.
func (b *Batch) Protect(s Session, access Access, plain []byte) int {
	return b.add(C.NASLANE_JOB_PROTECT, s, access, plain, len(plain)+C.NASLANE_OVERHEAD)
}

// Verify adds a whole PDU as it came from NGAP.
func (b *Batch) Verify(s Session, access Access, pdu []byte) int {
	return b.add(C.NASLANE_JOB_VERIFY, s, access, pdu, len(pdu))
}

// Run runs the batch in one call and tells how many of its messages are OK.
func (e *Engine) Run(b *Batch) (int, error) {
	if len(b.jobs) == 0 {
		return 0, nil
	}
	var ok C.size_t
	err := failure(C.naslane_batch(e.engine, &b.jobs[0], C.size_t(len(b.jobs)), first(b.arena), C.size_t(len(b.arena)), &ok))
	runtime.KeepAlive(b)
	return int(ok), err
}

// Result is what came of the message at this place, until Reset: the PDU or the plain message, or a Status.
func (b *Batch) Result(place int) ([]byte, error) {
	if place < 0 || place >= len(b.jobs) {
		return nil, errors.New("naslane: no such message in the batch")
	}
	job := &b.jobs[place]
	if err := failure(job.status); err != nil {
		return nil, err
	}
	return b.arena[job.out_offset:][:job.out_len], nil
}

// Count is the COUNT of the message at this place.
func (b *Batch) Count(place int) uint32 { return uint32(b.jobs[place].count) }
