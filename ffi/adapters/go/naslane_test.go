package naslane

import (
	"bytes"
	"errors"
	"testing"
)

// amfUe is a stand-in of an AMF's UE context: where KnasInt, KnasEnc, ULCount and DLCount were, a session.
type amfUe struct{ session Session }

var capability = []byte{0xf0, 0xf0}

// registered gives both ends of a UE after the security mode procedure.
func registered(t testing.TB, engine *Engine, number byte) (amf, ue amfUe) {
	kAmf := [32]byte{number}
	for _, end := range []struct {
		role Role
		into *amfUe
	}{{Amf, &amf}, {Ue, &ue}} {
		session, err := engine.Establish(end.role)
		if err == nil {
			err = engine.Authenticated(session, &kAmf, 0, capability)
		}
		if err != nil {
			t.Fatal(err)
		}
		end.into.session = session
	}
	command, err := engine.Command(amf.session)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := engine.Answer(ue.session, ThreeGpp, capability, command)
	if err != nil {
		t.Fatal(err)
	}
	var batch Batch
	place := batch.Verify(amf.session, ThreeGpp, answer)
	if ok, err := engine.Run(&batch); err != nil || ok != 1 {
		t.Fatal(ok, err)
	}
	if plain, err := batch.Result(place); err != nil || plain[2] != 0x5e {
		t.Fatal("no SECURITY MODE COMPLETE", err)
	}
	return amf, ue
}

func TestBatchOfManyUes(t *testing.T) {
	engine, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	const ues = 50
	plain := []byte{0x7e, 0, 0x54, 0x11}
	var down, up Batch
	var far [ues]amfUe
	for i := range far {
		var near amfUe
		near, far[i] = registered(t, engine, byte(i+1))
		down.Protect(near.session, ThreeGpp, plain)
	}
	if ok, err := engine.Run(&down); err != nil || ok != ues {
		t.Fatal(ok, err)
	}
	for i := range far {
		pdu, err := down.Result(i)
		if err != nil || len(pdu) != len(plain)+7 || down.Count(i) != 1 {
			t.Fatal(i, err, down.Count(i))
		}
		if i == 7 {
			pdu[len(pdu)-1] ^= 1
		}
		up.Verify(far[i].session, ThreeGpp, pdu)
	}
	if ok, err := engine.Run(&up); err != nil || ok != ues-1 {
		t.Fatal(ok, err)
	}
	for i := range far {
		got, err := up.Result(i)
		var status Status
		if i == 7 {
			if !errors.As(err, &status) || got != nil {
				t.Error("a forged message was accepted")
			}
		} else if err != nil || !bytes.Equal(got, plain) {
			t.Error(i, err)
		}
	}
	up.Reset()
	if _, err := up.Result(0); err == nil {
		t.Error("a result of an empty batch")
	}
	if err := engine.Release(far[0].session); err != nil {
		t.Error(err)
	}
	up.Verify(far[0].session, ThreeGpp, plain)
	if ok, err := engine.Run(&up); err != nil || ok != 0 {
		t.Error("a session that ended", ok, err)
	}
}

func BenchmarkBatch64(b *testing.B) {
	engine, err := New()
	if err != nil {
		b.Fatal(err)
	}
	defer engine.Close()
	const ues = 64
	var near [ues]amfUe
	for i := range near {
		near[i], _ = registered(b, engine, byte(i+1))
	}
	plain := append([]byte{0x7e, 0, 0x68}, make([]byte, 61)...)
	var batch Batch
	b.ResetTimer()
	for done := 0; done < b.N; done += ues {
		batch.Reset()
		for i := range near {
			batch.Protect(near[i].session, ThreeGpp, plain)
		}
		if ok, err := engine.Run(&batch); err != nil || ok != ues {
			b.Fatal(ok, err)
		}
	}
}
