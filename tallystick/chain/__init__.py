"""Everything between this project and a chain: the only place that knows web3, ABIs and signatures of transactions.

deployment   where the contracts are            keys      encrypted keystores
connection   one chain, made sure of            calls     what may be sent, as data
reader       their state and facts, typed       permits   which tokens take allowances by signature
scanner      following the facts for ever       sender    sending it once, whatever happens
reverts      why a contract refused             rpc       one endpoint and its troubles
"""
