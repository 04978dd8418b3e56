"""Everything between this project and a chain: the only place that knows web3, ABIs and signatures of transactions.

deployment   where the contracts are            keys      encrypted keystores
reader       their state and facts, typed       calls     what may be sent, as data
scanner      following the facts for ever       sender    sending it once, whatever happens
reverts      why a contract refused             rpc       one endpoint and its troubles
"""
