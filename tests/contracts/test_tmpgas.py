import json
from stage import *
from ezkl_stage import deploy_ezkl_verifier
from tallystick.market.claims import encode_ezkl_proof, program_id_of
from tallystick.hashing import instance_root
def test_x(stage):
    p=json.load(open('/tmp/lab/dig/p.json')); b=open('/tmp/lab/dig/vka.bin','rb').read()[8:]
    vka=[b[i:i+32] for i in range(0,len(b),32)]
    inst=[int.from_bytes(bytes.fromhex(x),'little') for x in p['instances'][0]]
    ni=512
    v=deploy_ezkl_verifier(stage); a=stage.deploy("EzklVerifierAdapter",v)
    stage.router.addAdapter(ZK,a,8_000_000,{"from":stage.governor})
    tx=v.registerVka(vka,{"from":stage.stranger}); out=[("registerVka 280 words",tx.gas_used)]
    m=stage.register_model("d",adapter=a.address,programId=program_id_of(vka))
    r=lambda x:"0x"+instance_root(x).hex()
    t=stage.terms(modelId=m,inputs=[r(inst[:ni])]*2)
    stage.fund(t); tx=stage.escrow.createJob(t.abi(),{"from":stage.creator}); out.append(("create",tx.gas_used))
    tx=stage.accept(t); out.append(("accept",tx.gas_used))
    c=stage.claim(t,0,outputRoot=r(inst[ni:]),proof=encode_ezkl_proof(input_count=ni,instances=inst,vka=vka,proof=bytes(p['proof'])))
    st=stage.settlement.statementOf(t.abi(),c)
    call=a.check.encode_input(program_id_of(vka),st,c[5])
    out.append(("check gas est", int(rpc("eth_estimateGas",{"to":a.address,"data":call}),16)))
    call=v.verifyProof.encode_input(bytes(p['proof']),inst,vka)
    out.append(("verifyProof alone est", int(rpc("eth_estimateGas",{"to":v.address,"data":call}),16)))
    print(out)
    tx=stage.settlement.claim(t.abi(),c,{"from":stage.operator,"gas_limit":12_000_000}); out.append(("claim 592 inst",tx.gas_used, len(tx.input)//2))
    print(out); assert 0
