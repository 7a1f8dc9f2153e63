/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of test_gate_stories.c, as gate_story.h writes them. STORY=1 has the test print its
 * own. */
#ifndef HITHER_TESTS_UNIT_GATE_STORIES_H
#define HITHER_TESTS_UNIT_GATE_STORIES_H

#include <stddef.h>

static const char *const a_yes_once_text[] = {
	"-- start",
	"RECORD start U1 ref= 'session':'test','policy_sha256':'H1','key_id':'H2'}",
	"RECORD policy U2 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'serials':{'t':1},'detail':'active'}",
	"-- asked",
	"ANSWER 2 0 fallback=0 question=U3 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U3, or deny",
	"TELL request U3",
	"RECORD intent U4 ref= 'subject':'H4','uid':1234,'session':'test#0/0',"
	"'app':'org.example.App','identity':'socket','decision_id':'U5','question':'U3',"
	"'conversation':'H5','destination':'far','tier':'cloud','operator_name':'Far Inc',"
	"'region':'eu','address':'https://far.example/v1','model':'big-1',"
	"'retention_days':30,'trains':'no','privacy_url':'https://far.example/privacy',"
	"'task':'chat','score_pm':800,'confidence_pm':1000,'threshold_pm':500,"
	"'input_tokens':20,'max_output_tokens':100,'modality':3,'tools':1,'interactive':1,"
	"'max_tier':2,'device':{'power':null,'battery_pct':null,'network':null,"
	"'thermal':null,'locked':null,'vpn':null},'messages':1,'attachments':2,"
	"'categories':[],'categories_known':1,'digest':'sha256:H6','bytes':77,"
	"'mode':'redacted','rules':'user:default','policy_id':'t','policy_serial':1,"
	"'policy_sha256':'H3','currency':'EUR','cost_estimate_nano':220000,"
	"'cost_bound_nano':277000,'tokens_bound':177}",
	"NEXT in 57500",
	"RESULT 200 - 'approved' next=- outcome=granted permission= receipt=U6 prove_ms=0",
	"-- approved",
	"ANSWER 2 1 fallback=0 question=U3 digest=a797 receipt=U6 rules=user:default "
	"price=0.000277 EUR detail=",
	"SEND 1 ledger=5 far big-1 body=a797,77 streaming=0 deadline=600000 policy=in force",
	"TELL withdrawn U3",
	"RECORD approved U7 ref=U4 as before but 'scope':'once','agent':'desktop',"
	"'agent_pid':1,'notice_version':'1','notice_sha256':'H7','reason':'it is fine'}",
	"RECORD granted U6 ref=U4 as before but 'scope':null,'basis':'approval:U7',"
	"'agent':null,'agent_pid':null,'notice_version':null,'notice_sha256':null,"
	"'reason':null}",
	"NEXT never",
	"NEXT in 20",
	"NEXT never",
	"-- sent",
	"RECORD closed U8 ref=U6 'uid':1234,'app':'org.example.App','decision_id':'U5',"
	"'destination':'far','model':'big-1','currency':'EUR','cost_nano':60500,"
	"'outcome':'complete','http_status':201,'bytes_out':1001,'bytes_in':2002,"
	"'tokens_in':31,'tokens_out':17,'tokens_cached':5,'elapsed_ms':1234,'detail':'a "
	"cause'}",
	NULL
};

static const char *const sends_under_a_rule_text[] = {
	"-- released by a rule",
	"ANSWER 2 1 fallback=0 question= digest=a797 receipt=U1 rules=user:default "
	"price=0.000277 EUR detail=",
	"SEND 1 ledger=4 far big-1 body=a797,77 streaming=0 deadline=600000 policy=in force",
	"RECORD start U2 ref= 'session':'test','policy_sha256':'H1','key_id':'H2'}",
	"RECORD policy U3 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD intent U4 ref= 'subject':'H4','uid':1234,'session':'test#0/0',"
	"'app':'org.example.App','identity':'socket','decision_id':'U5','conversation':'H5',"
	"'destination':'far','tier':'cloud','operator_name':'Far Inc','region':'eu',"
	"'address':'https://far.example/v1','model':'big-1','retention_days':30,"
	"'trains':'no','privacy_url':'https://far.example/privacy','task':'chat',"
	"'score_pm':800,'confidence_pm':1000,'threshold_pm':500,'input_tokens':20,"
	"'max_output_tokens':100,'modality':3,'tools':1,'interactive':1,'max_tier':2,"
	"'device':{'power':null,'battery_pct':null,'network':null,'thermal':null,"
	"'locked':null,'vpn':null},'messages':1,'attachments':2,'categories':[],"
	"'categories_known':1,'digest':'sha256:H6','bytes':77,'mode':'redacted',"
	"'rules':'user:default','policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'currency':'EUR','cost_estimate_nano':220000,'cost_bound_nano':277000,"
	"'tokens_bound':177}",
	"RECORD granted U1 ref=U4 as before but 'basis':'rule'}",
	"-- once more",
	"AGAIN 1 attempt 1",
	"RECORD retried U6 ref=U1 'uid':1234,'app':'org.example.App','decision_id':'U5',"
	"'destination':'far','model':'big-1','outcome':'not_acted_upon','http_status':503,"
	"'bytes_out':300,'bytes_in':40,'count':1,'detail':'busy'}",
	"-- and once more",
	"AGAIN 1 attempt 2",
	"RECORD retried U7 ref=U1 'uid':1234,'app':'org.example.App','decision_id':'U5',"
	"'destination':'far','model':'big-1','outcome':'not_acted_upon','bytes_out':300,"
	"'bytes_in':40,'count':2,'detail':'busy'}",
	"-- too often",
	"ABORT 1",
	"RECORD closed U8 ref=U1 'uid':1234,'app':'org.example.App','decision_id':'U5',"
	"'destination':'far','model':'big-1','reason':'no further attempt is permitted',"
	"'outcome':'aborted','bytes_out':1001,'bytes_in':2002,'elapsed_ms':0,'detail':'a "
	"cause'}",
	"-- the rule is gone",
	"ANSWER 3 1 fallback=0 question= digest=52b1 receipt=U9 rules=user:default "
	"price=0.000277 EUR detail=",
	"SEND 2 ledger=9 far big-1 body=52b1,77 streaming=0 deadline=600000 policy=older",
	"ABORT 2",
	"RECORD intent U10 ref= as before but 'digest':'sha256:H7','basis':null}",
	"RECORD granted U9 ref=U10 as before but 'basis':'rule'}",
	"RECORD policy U11 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H8',"
	"'serials':{'t':1},'detail':'active'}",
	"-- cloud is gone",
	"RECORD closed U12 ref=U9 'uid':1234,'app':'org.example.App','decision_id':'U5',"
	"'destination':'far','model':'big-1','outcome':'unknown','detail':'the cloud role "
	"ended'}",
	NULL
};

static const char *const a_no_text[] = {
	"-- asked",
	"ANSWER 2 0 fallback=0 question=U1 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U1, or deny",
	"TELL request U1",
	"RECORD start U2 ref= 'session':'test','policy_sha256':'H1','key_id':'H2'}",
	"RECORD policy U3 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD intent U4 ref= 'subject':'H4','uid':1234,'session':'test#0/0',"
	"'app':'org.example.App','identity':'socket','decision_id':'U5','question':'U1',"
	"'conversation':'H5','destination':'far','tier':'cloud','operator_name':'Far Inc',"
	"'region':'eu','address':'https://far.example/v1','model':'big-1',"
	"'retention_days':30,'trains':'no','privacy_url':'https://far.example/privacy',"
	"'task':'chat','score_pm':800,'confidence_pm':1000,'threshold_pm':500,"
	"'input_tokens':20,'max_output_tokens':100,'modality':3,'tools':1,'interactive':1,"
	"'max_tier':2,'device':{'power':null,'battery_pct':null,'network':null,"
	"'thermal':null,'locked':null,'vpn':null},'messages':1,'attachments':2,"
	"'categories':[],'categories_known':1,'digest':'sha256:H6','bytes':77,"
	"'mode':'redacted','rules':'user:default','policy_id':'t','policy_serial':1,"
	"'policy_sha256':'H3','currency':'EUR','cost_estimate_nano':220000,"
	"'cost_bound_nano':277000,'tokens_bound':177}",
	"RESULT 200 - 'kept on this device' next=- outcome=refused permission=n-4 receipt=U6 "
	"prove_ms=0",
	"-- refused",
	"ANSWER 2 3 fallback=0 question=U1 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=the person said no",
	"TELL withdrawn U1",
	"RECORD refused U6 ref=U4 as before but 'scope':'once','agent':'command',"
	"'agent_pid':1,'notice_version':'1','notice_sha256':'H7','reason':'no'}",
	"-- the same again",
	"ANSWER 3 3 fallback=0 question= digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=you said no in this conversation at TIME; to lift it: "
	"hither consent revoke n-4",
	"RECORD limited U7 ref= as before but 'question':null,'scope':null,'agent':null,"
	"'agent_pid':null,'notice_version':null,'notice_sha256':null,'reason':'n-4'}",
	"-- the same conversation",
	"ANSWER 4 3 fallback=0 question= digest=52b1 receipt= rules=user:default "
	"price=0.000277 EUR detail=you said no in this conversation at TIME; to lift it: "
	"hither consent revoke n-4",
	"RECORD limited U8 ref= as before but 'digest':'sha256:H8'}",
	"RESULT 200 - 'kept on this device' next=- outcome=refused permission=n-8 receipt=U9 "
	"prove_ms=0",
	"-- refused for a time",
	"ANSWER 5 0 fallback=0 question=U10 digest=52b1 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U10, or deny",
	"ANSWER 5 3 fallback=0 question=U10 digest=52b1 receipt= rules=user:default "
	"price=0.000277 EUR detail=the person said no",
	"TELL request U10",
	"TELL withdrawn U10",
	"RECORD intent U11 ref= as before but 'question':'U10','conversation':'H9',"
	"'reason':null}",
	"RECORD refused U9 ref=U11 as before but 'scope':'until','until_ms':1795007200000,"
	"'agent':'web','agent_pid':1,'notice_version':'1','notice_sha256':'H10'}",
	"-- the app at this place",
	"ANSWER 6 3 fallback=0 question= digest=e4a8 receipt= rules=user:default "
	"price=0.000277 EUR detail=you said no to this app at TIME; to lift it: hither "
	"consent revoke n-8",
	"RECORD limited U12 ref= as before but 'question':null,'conversation':'H11',"
	"'digest':'sha256:H12','scope':null,'until_ms':null,'agent':null,'agent_pid':null,"
	"'notice_version':null,'notice_sha256':null,'reason':'n-8'}",
	"RESULT 200 - 'kept on this device' next=- outcome=refused permission=n-11 "
	"receipt=U13 prove_ms=0",
	"RESULT 200 - 'kept on this device' next=- outcome=refused permission=n-13 "
	"receipt=U14 prove_ms=0",
	"RESULT 200 - 'kept on this device' next=- outcome=refused permission=n-15 "
	"receipt=U15 prove_ms=0",
	"-- three times",
	"ANSWER 7 0 fallback=0 question=U16 digest=76fd receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U16, or deny",
	"ANSWER 7 3 fallback=0 question=U16 digest=76fd receipt= rules=user:default "
	"price=0.000277 EUR detail=the person said no",
	"ANSWER 8 0 fallback=0 question=U17 digest=6332 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U17, or deny",
	"ANSWER 8 3 fallback=0 question=U17 digest=6332 receipt= rules=user:default "
	"price=0.000277 EUR detail=the person said no",
	"ANSWER 9 0 fallback=0 question=U18 digest=9572 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U18, or deny",
	"ANSWER 9 3 fallback=0 question=U18 digest=9572 receipt= rules=user:default "
	"price=0.000277 EUR detail=the person said no",
	"TELL request U16",
	"TELL withdrawn U16",
	"TELL request U17",
	"TELL withdrawn U17",
	"TELL request U18",
	"TELL withdrawn U18",
	"RECORD intent U19 ref= as before but 'app':'org.example.Other','question':'U16',"
	"'conversation':'H13','digest':'sha256:H14','reason':null}",
	"RECORD refused U13 ref=U19 as before but 'scope':'once','agent':'command',"
	"'agent_pid':1,'notice_version':'1','notice_sha256':'H15'}",
	"RECORD intent U20 ref= as before but 'question':'U17','conversation':'H16',"
	"'digest':'sha256:H17','scope':null,'agent':null,'agent_pid':null,"
	"'notice_version':null,'notice_sha256':null}",
	"RECORD refused U14 ref=U20 as before but 'scope':'once','agent':'command',"
	"'agent_pid':1,'notice_version':'1','notice_sha256':'H18'}",
	"RECORD intent U21 ref= as before but 'question':'U18','conversation':'H19',"
	"'digest':'sha256:H20','scope':null,'agent':null,'agent_pid':null,"
	"'notice_version':null,'notice_sha256':null}",
	"RECORD refused U15 ref=U21 as before but 'scope':'once','agent':'command',"
	"'agent_pid':1,'notice_version':'1','notice_sha256':'H21'}",
	"-- that kind of request",
	"ANSWER 10 3 fallback=0 question= digest=e674 receipt= rules=user:default "
	"price=0.000277 EUR detail=you said no three times to this kind of request, at last "
	"at TIME; make a policy rule of it, or: hither consent revoke n-15",
	"RECORD limited U22 ref= as before but 'question':null,'conversation':'H22',"
	"'digest':'sha256:H23','scope':null,'agent':null,'agent_pid':null,"
	"'notice_version':null,'notice_sha256':null,'reason':'n-15'}",
	NULL
};

static const char *const other_ends_text[] = {
	"RESULT 200 - 'there is more time now' next=- outcome=extended permission= receipt= "
	"prove_ms=0",
	"NEXT in 119999",
	"RESULT 200 - 'not now: kept on this device' next=- outcome=dismissed permission= "
	"receipt=U1 prove_ms=0",
	"-- dismissed",
	"ANSWER 2 0 fallback=0 question=U2 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U2, or deny",
	"ANSWER 2 7 fallback=0 question=U2 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=the person said: not now",
	"TELL request U2",
	"TELL withdrawn U2",
	"RECORD start U3 ref= 'session':'test','policy_sha256':'H1','key_id':'H2'}",
	"RECORD policy U4 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD intent U5 ref= 'subject':'H4','uid':1234,'session':'test#0/0',"
	"'app':'org.example.App','identity':'socket','decision_id':'U6','question':'U2',"
	"'conversation':'H5','destination':'far','tier':'cloud','operator_name':'Far Inc',"
	"'region':'eu','address':'https://far.example/v1','model':'big-1',"
	"'retention_days':30,'trains':'no','privacy_url':'https://far.example/privacy',"
	"'task':'chat','score_pm':800,'confidence_pm':1000,'threshold_pm':500,"
	"'input_tokens':20,'max_output_tokens':100,'modality':3,'tools':1,'interactive':1,"
	"'max_tier':2,'device':{'power':null,'battery_pct':null,'network':null,"
	"'thermal':null,'locked':null,'vpn':null},'messages':1,'attachments':2,"
	"'categories':[],'categories_known':1,'digest':'sha256:H6','bytes':77,"
	"'mode':'redacted','rules':'user:default','policy_id':'t','policy_serial':1,"
	"'policy_sha256':'H3','currency':'EUR','cost_estimate_nano':220000,"
	"'cost_bound_nano':277000,'tokens_bound':177}",
	"RECORD dismissed U1 ref=U5 as before but 'scope':'once','agent':'command',"
	"'agent_pid':1,'notice_version':'1','notice_sha256':'H7'}",
	"NEXT in 1",
	"-- nearly too late",
	"ANSWER 3 0 fallback=0 question=U7 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U7, or deny",
	"TELL request U7",
	"RECORD intent U8 ref= as before but 'question':'U7','scope':null,'agent':null,"
	"'agent_pid':null,'notice_version':null,'notice_sha256':null}",
	"NEXT never",
	"-- too late",
	"ANSWER 3 4 fallback=0 question=U7 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=nobody answered in time",
	"TELL expired U7",
	"RECORD timed_out U9 ref=U8 as before but }",
	"-- the client left",
	"ANSWER 4 0 fallback=0 question=U10 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U10, or deny",
	"TELL request U10",
	"TELL withdrawn U10",
	"RECORD intent U11 ref= as before but 'question':'U10'}",
	"RECORD withdrawn U12 ref=U11 as before but 'reason':'the client left'}",
	"-- policy forbids it",
	"ANSWER 5 0 fallback=0 question=U13 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U13, or deny",
	"ANSWER 5 6 fallback=0 question=U13 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=policy says no (user:default)",
	"TELL request U13",
	"TELL withdrawn U13",
	"RECORD intent U14 ref= as before but 'question':'U13','reason':null}",
	"RECORD policy U15 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H8',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD withdrawn U16 ref=U14 as before but 'policy_sha256':'H8','reason':'policy "
	"says no (user:default)'}",
	"-- denied",
	"ANSWER 6 2 fallback=0 question= digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=policy says no (user:default)",
	"RECORD denied U17 ref= as before but 'question':null}",
	"-- nobody there",
	"ANSWER 7 5 fallback=0 question=U18 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=nobody was there to be asked; to be asked: hither consent "
	"watch; or hither consent approve U18, and send the same request again",
	"RECORD policy U19 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD intent U20 ref= as before but 'question':'U18','policy_sha256':'H3',"
	"'reason':null}",
	"RECORD no_agent U21 ref= as before but }",
	"-- reported",
	"ANSWER 8 0 fallback=0 question=U22 digest=ec85 receipt= rules=user:default "
	"price=0.000284 EUR detail=answer with: hither consent approve U22, or deny",
	"RECORD intent U23 ref= as before but 'question':'U22','digest':'sha256:H9',"
	"'bytes':84,'cost_bound_nano':284000,'tokens_bound':184}",
	"RESULT 200 - 'approved' next=- outcome=approved permission= receipt=U24 prove_ms=0",
	"-- a yes that waits",
	"TELL withdrawn U22",
	"RECORD approved U24 ref=U23 as before but 'scope':'once','agent':'command',"
	"'agent_pid':1,'notice_version':'1','notice_sha256':'H10'}",
	"-- redeemed",
	"ANSWER 9 1 fallback=0 question= digest=ec85 receipt=U25 rules=user:default "
	"price=0.000284 EUR detail=",
	"SEND 1 ledger=18 far big-1 body=ec85,84 streaming=0 deadline=600000 policy=in force",
	"RECORD granted U25 ref=U23 as before but 'question':null,'scope':null,"
	"'basis':'approval:U24','agent':null,'agent_pid':null,'notice_version':null,"
	"'notice_sha256':null}",
	"-- stopped",
	"ABORT 1",
	"TELL withdrawn U18",
	"RECORD closed U26 ref=U25 'uid':1234,'app':'org.example.App','decision_id':'U6',"
	"'destination':'far','model':'big-1','outcome':'unknown','detail':'the cloud role "
	"ended'}",
	NULL
};

static const char *const a_permission_text[] = {
	"RESULT 200 - 'approved' next=- outcome=granted permission=g-4 receipt=U1 prove_ms=0",
	"-- for always, as it is",
	"ANSWER 2 0 fallback=0 question=U2 digest=1e04 receipt= rules=user:default "
	"price=0.000303 EUR detail=answer with: hither consent approve U2, or deny",
	"ANSWER 2 1 fallback=0 question=U2 digest=947a receipt=U1 rules=user:default "
	"price=0.000303 EUR detail=",
	"SEND 1 ledger=5 far big-1 body=947a,103 streaming=0 deadline=600000 policy=in force",
	"TELL request U2",
	"TELL withdrawn U2",
	"RECORD start U3 ref= 'session':'test','policy_sha256':'H1','key_id':'H2'}",
	"RECORD policy U4 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD intent U5 ref= 'subject':'H4','uid':1234,'session':'test#0/0',"
	"'app':'org.example.App','identity':'socket','decision_id':'U6','question':'U2',"
	"'conversation':'H5','destination':'far','tier':'cloud','operator_name':'Far Inc',"
	"'region':'eu','address':'https://far.example/v1','model':'big-1',"
	"'retention_days':30,'trains':'no','privacy_url':'https://far.example/privacy',"
	"'task':'chat','score_pm':800,'confidence_pm':1000,'threshold_pm':500,"
	"'input_tokens':20,'max_output_tokens':100,'modality':3,'tools':1,'interactive':1,"
	"'max_tier':2,'device':{'power':null,'battery_pct':null,'network':null,"
	"'thermal':null,'locked':null,'vpn':null},'messages':1,'attachments':2,"
	"'categories':[{'name':'personal.contact.email','count':1,'masked':true}],"
	"'categories_known':1,'digest':'sha256:H6','bytes':88,'mode':'redacted',"
	"'rules':'user:default','policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'currency':'EUR','cost_estimate_nano':220000,'cost_bound_nano':303000,"
	"'tokens_bound':203}",
	"RECORD approved U7 ref=U5 as before but 'digest':'sha256:H7','bytes':103,"
	"'mode':'as_is','scope':'always','until_ms':1810552000000,'agent':'terminal',"
	"'agent_pid':1,'notice_version':'1','notice_sha256':'H8'}",
	"RECORD granted U1 ref=U5 as before but 'scope':null,'until_ms':null,"
	"'basis':'approval:U7','agent':null,'agent_pid':null,'notice_version':null,"
	"'notice_sha256':null}",
	"-- used",
	"ANSWER 3 1 fallback=0 question= digest=b1bd receipt=U8 rules=user:default "
	"price=0.000303 EUR detail=",
	"SEND 2 ledger=7 far big-1 body=b1bd,103 streaming=0 deadline=600000 policy=in force",
	"RECORD intent U9 ref= as before but 'question':null,'digest':'sha256:H9',"
	"'basis':null}",
	"RECORD granted U8 ref=U9 as before but 'basis':'permission','permission':'g-4'}",
	"{'schema':'hither.grants/1','grants':[{'id':'g-4','effect':'allow','state':'active',"
	"'app':'org.example.App','identity':'socket','destination':'far','model':'big-1',"
	"'task':'chat','covers':'requests like the one that was shown','conversation':null,"
	"'keeps_from_tier':null,'digest':null,'scope':'always','mode':'as_is',"
	"'created':'TIME','until':'TIME','receipt':'U7','uses':2}]}",
	"{'outcome':'revoked','grant':'g-4','receipt':'U10','aborted':[{'receipt':'U8',"
	"'destination':'far'},{'receipt':'U1','destination':'far'}],'sent_before':2,"
	"'note':'nothing more leaves under it; text that was already sent is with the "
	"operator'}",
	"RESULT 200 revoked revoked",
	"-- taken back",
	"ABORT 1",
	"ABORT 2",
	"RECORD revoked U10 ref=U7 'uid':1234,'app':'org.example.App','identity':'socket',"
	"'destination':'far','model':'big-1','task':'chat','permission':'g-4'}",
	"-- router is gone",
	"# TYPE hither_consent_requests counter",
	"# HELP hither_consent_requests Requests to leave the device, by how they ended.",
	"hither_consent_requests_total{outcome='reported'} 0",
	"hither_consent_requests_total{outcome='granted'} 2",
	"hither_consent_requests_total{outcome='denied_by_policy'} 0",
	"hither_consent_requests_total{outcome='refused'} 0",
	"hither_consent_requests_total{outcome='timeout'} 0",
	"hither_consent_requests_total{outcome='no_agent'} 0",
	"hither_consent_requests_total{outcome='withdrawn'} 0",
	"hither_consent_requests_total{outcome='dismissed'} 0",
	"hither_consent_requests_total{outcome='budget'} 0",
	"hither_consent_requests_total{outcome='ledger'} 0",
	"hither_consent_requests_total{outcome='limited'} 0",
	"hither_consent_requests_total{outcome='unreachable'} 0",
	"# TYPE hither_consent_pending gauge",
	"# HELP hither_consent_pending Open questions.",
	"hither_consent_pending 0",
	"# TYPE hither_sends counter",
	"# HELP hither_sends Releases to the cloud role, by how they ended.",
	"hither_sends_total{outcome='complete'} 0",
	"hither_sends_total{outcome='failed'} 0",
	"hither_sends_total{outcome='cut'} 0",
	"hither_sends_total{outcome='cancelled'} 0",
	"hither_sends_total{outcome='aborted'} 0",
	"hither_sends_total{outcome='refused'} 0",
	"hither_sends_total{outcome='unknown'} 0",
	"# TYPE hither_offdevice_sent_bytes counter",
	"# HELP hither_offdevice_sent_bytes Request bytes that left the device.",
	"hither_offdevice_sent_bytes_total 0",
	"# TYPE hither_requests counter",
	"# HELP hither_requests Requests that ended without consent being asked.",
	"hither_requests_total{tier='device'} 0",
	"hither_requests_total{tier='trusted'} 0",
	"hither_requests_total{tier='cloud'} 0",
	"# TYPE hither_overload counter",
	"# HELP hither_overload Requests answered 503 at once, by what there was no room in.",
	"hither_overload_total{cause='queue'} 0",
	"hither_overload_total{cause='ledger'} 0",
	"hither_overload_total{cause='memory'} 0",
	"# TYPE hither_ledger_records counter",
	"# HELP hither_ledger_records Records written since start.",
	"hither_ledger_records_total{kind='start'} 0",
	"hither_ledger_records_total{kind='intent'} 2",
	"hither_ledger_records_total{kind='approved'} 1",
	"hither_ledger_records_total{kind='granted'} 2",
	"hither_ledger_records_total{kind='closed'} 0",
	"hither_ledger_records_total{kind='retried'} 0",
	"hither_ledger_records_total{kind='refused'} 0",
	"hither_ledger_records_total{kind='timed_out'} 0",
	"hither_ledger_records_total{kind='no_agent'} 0",
	"hither_ledger_records_total{kind='dismissed'} 0",
	"hither_ledger_records_total{kind='withdrawn'} 0",
	"hither_ledger_records_total{kind='denied'} 0",
	"hither_ledger_records_total{kind='limited'} 0",
	"hither_ledger_records_total{kind='over_budget'} 0",
	"hither_ledger_records_total{kind='revoked'} 1",
	"hither_ledger_records_total{kind='decided'} 0",
	"hither_ledger_records_total{kind='policy'} 1",
	"hither_ledger_records_total{kind='pruned'} 0",
	"hither_ledger_records_total{kind='acknowledged'} 0",
	"hither_ledger_records_total{kind='tainted'} 0",
	"# TYPE hither_ledger_verify_failures counter",
	"# HELP hither_ledger_verify_failures Verifications that found damage.",
	"hither_ledger_verify_failures_total 0",
	"# TYPE hither_ledger_head gauge",
	"# HELP hither_ledger_head Number of the newest record.",
	"hither_ledger_head 8",
	NULL
};

static const char *const over_budget_text[] = {
	"-- kept here",
	"ANSWER 2 1 fallback=0 question= digest=a797 receipt=U1 rules=user:default "
	"price=0.000277 EUR detail=",
	"ANSWER 3 8 fallback=0 question= digest=52b1 receipt= rules=user:default "
	"price=0.000277 EUR detail=budget b would be exceeded; what was spent: hither ledger "
	"left",
	"SEND 1 ledger=4 far big-1 body=a797,77 streaming=0 deadline=600000 policy=in force",
	"RECORD start U2 ref= 'session':'test','policy_sha256':'H1','key_id':'H2'}",
	"RECORD policy U3 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD intent U4 ref= 'subject':'H4','uid':1234,'session':'test#0/0',"
	"'app':'org.example.App','identity':'socket','decision_id':'U5','conversation':'H5',"
	"'destination':'far','tier':'cloud','operator_name':'Far Inc','region':'eu',"
	"'address':'https://far.example/v1','model':'big-1','retention_days':30,"
	"'trains':'no','privacy_url':'https://far.example/privacy','task':'chat',"
	"'score_pm':800,'confidence_pm':1000,'threshold_pm':500,'input_tokens':20,"
	"'max_output_tokens':100,'modality':3,'tools':1,'interactive':1,'max_tier':2,"
	"'device':{'power':null,'battery_pct':null,'network':null,'thermal':null,"
	"'locked':null,'vpn':null},'messages':1,'attachments':2,'categories':[],"
	"'categories_known':1,'digest':'sha256:H6','bytes':77,'mode':'redacted',"
	"'rules':'user:default','policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'currency':'EUR','cost_estimate_nano':220000,'cost_bound_nano':277000,"
	"'tokens_bound':177}",
	"RECORD granted U1 ref=U4 as before but 'basis':'rule'}",
	"RECORD over_budget U6 ref= as before but 'digest':'sha256:H7','basis':null,"
	"'reason':'b'}",
	"-- refused",
	"ANSWER 4 8 fallback=1 question= digest=52b1 receipt= rules=user:default "
	"price=0.000277 EUR detail=budget b would be exceeded; what was spent: hither ledger "
	"left",
	"RECORD policy U7 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H8',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD over_budget U8 ref= as before but 'policy_sha256':'H8'}",
	"-- asked",
	"ANSWER 5 0 fallback=0 question=U9 digest=52b1 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U9, or deny",
	"TELL request U9",
	"RECORD policy U10 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H9',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD intent U11 ref= as before but 'question':'U9','policy_sha256':'H9',"
	"'reason':null}",
	"{'schema':'hither.budgets/1','budgets':[{'id':'b','window':{'count':36,"
	"'unit':'hour','since':'2026-11-16T23:06:40.000Z'},'scope':['user'],"
	"'on_exceed':'ask','requests':1,'tokens':177,'currency':'EUR','cost':0.000277,"
	"'max_cost':0.0005}]}",
	"RESULT 200 - 'approved' next=- outcome=granted permission= receipt=U12 prove_ms=0",
	"-- sent all the same",
	"ANSWER 5 1 fallback=0 question=U9 digest=52b1 receipt=U12 rules=user:default "
	"price=0.000277 EUR detail=",
	"SEND 2 ledger=11 far big-1 body=52b1,77 streaming=0 deadline=600000 policy=in force",
	"TELL withdrawn U9",
	"RECORD approved U13 ref=U11 as before but 'scope':'once','agent':'command',"
	"'agent_pid':1,'notice_version':'1','notice_sha256':'H10'}",
	"RECORD granted U12 ref=U11 as before but 'scope':null,'basis':'approval:U13',"
	"'agent':null,'agent_pid':null,'notice_version':null,'notice_sha256':null}",
	"RECORD closed U14 ref=U12 'uid':1234,'app':'org.example.App','decision_id':'U5',"
	"'destination':'far','model':'big-1','currency':'EUR','cost_nano':60500,"
	"'outcome':'cut','http_status':201,'bytes_out':1001,'bytes_in':2002,'tokens_in':31,"
	"'tokens_out':17,'tokens_cached':5,'elapsed_ms':0,'detail':'a cause'}",
	"{'schema':'hither.budgets/1','budgets':[{'id':'b','window':{'count':36,"
	"'unit':'hour','since':'2026-11-16T23:06:40.000Z'},'scope':['user'],"
	"'on_exceed':'ask','requests':2,'tokens':225,'currency':'EUR','cost':0.0003375,"
	"'max_cost':0.0005}]}",
	NULL
};

static const char *const taints_text[] = {
	"-- data that stays",
	"ANSWER 2 2 fallback=0 question= digest=947a receipt= rules=mail price=0.000303 EUR "
	"detail=policy says no (mail: mail stays)",
	"RECORD start U1 ref= 'session':'test','policy_sha256':'H1','key_id':'H2'}",
	"RECORD policy U2 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD denied U3 ref= 'subject':'H4','uid':1234,'session':'test#0/0',"
	"'app':'org.example.App','identity':'socket','decision_id':'U4','conversation':'H5',"
	"'destination':'far','tier':'cloud','operator_name':'Far Inc','region':'eu',"
	"'address':'https://far.example/v1','model':'big-1','retention_days':30,"
	"'trains':'no','privacy_url':'https://far.example/privacy','task':'chat',"
	"'score_pm':800,'confidence_pm':1000,'threshold_pm':500,'input_tokens':20,"
	"'max_output_tokens':100,'modality':3,'tools':1,'interactive':1,'max_tier':2,"
	"'device':{'power':null,'battery_pct':null,'network':null,'thermal':null,"
	"'locked':null,'vpn':null},'messages':1,'attachments':2,"
	"'categories':[{'name':'personal.contact.email','count':1,'masked':false}],"
	"'categories_known':1,'digest':'hmac-sha256:H6','bytes':103,'mode':'redacted',"
	"'rules':'mail','policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'reason':'policy says no (mail: mail stays)','currency':'EUR',"
	"'cost_estimate_nano':220000,'cost_bound_nano':303000,'tokens_bound':203}",
	"RECORD tainted U5 ref= 'uid':1234,'app':'org.example.App','identity':'socket',"
	"'decision_id':'U4','conversation':'H5','tier':'cloud','policy_sha256':'H3'}",
	"-- a later turn",
	"ANSWER 3 2 fallback=0 question= digest=6ba6 receipt= rules=user:default "
	"price=0.000284 EUR detail=an earlier turn held data that your policy keeps here; to "
	"lift it: hither consent revoke n-4",
	"RECORD limited U6 ref= as before but 'categories':[],'digest':'hmac-sha256:H7',"
	"'bytes':84,'rules':'user:default','reason':'n-4','cost_bound_nano':284000,"
	"'tokens_bound':184}",
	"-- decided without a question",
	"RECORD tainted U7 ref= 'uid':77,'app':'org.example.App','identity':'socket',"
	"'decision_id':'U8','conversation':'H8','tier':'cloud','policy_sha256':'H3'}",
	"RECORD decided U9 ref= 'subject':'H9','uid':77,'app':'org.example.App',"
	"'identity':'socket','decision_id':'U8','destination':'far','tier':'trusted',"
	"'task':'chat','score_pm':1000,'confidence_pm':999,'input_tokens':21,'modality':3,"
	"'tools':1,'interactive':1,'device':{'power':null,'battery_pct':null,'network':null,"
	"'thermal':null,'locked':null,'vpn':null},'categories':[{'name':'a','count':1,"
	"'masked':false},{'name':'b','count':12,'masked':false}],'categories_known':1,"
	"'reason':'because','outcome':'answered','tokens_out':1}",
	"-- kept from a nearer tier, and another place",
	"ANSWER 4 2 fallback=0 question= digest=6ba6 receipt= rules=user:default "
	"price=0.000284 EUR detail=an earlier turn held data that your policy keeps here; to "
	"lift it: hither consent revoke n-8",
	"ANSWER 5 2 fallback=0 question= digest=6ba6 receipt= rules= price= detail=there is "
	"no destination nowhere",
	"RECORD tainted U10 ref= 'uid':1234,'app':'org.example.App','identity':'socket',"
	"'decision_id':'U8','conversation':'H10','tier':'trusted','policy_sha256':'H3'}",
	"RECORD decided U11 ref= as before but 'subject':'H4','uid':1234}",
	"RECORD limited U12 ref= as before but 'session':'test#0/0','decision_id':'U4',"
	"'conversation':'H10','tier':'cloud','operator_name':'Far Inc','region':'eu',"
	"'address':'https://far.example/v1','model':'big-1','retention_days':30,"
	"'trains':'no','privacy_url':'https://far.example/privacy','score_pm':800,"
	"'confidence_pm':1000,'threshold_pm':500,'input_tokens':20,'max_output_tokens':100,"
	"'max_tier':2,'messages':1,'attachments':2,'categories':[],'digest':'hmac-sha256:H7',"
	"'bytes':84,'mode':'redacted','rules':'user:default','policy_id':'t',"
	"'policy_serial':1,'policy_sha256':'H3','reason':'n-8','currency':'EUR',"
	"'cost_estimate_nano':220000,'cost_bound_nano':284000,'tokens_bound':184,"
	"'outcome':null,'tokens_out':null}",
	"RECORD denied U13 ref= as before but 'conversation':'H11','destination':'nowhere',"
	"'tier':null,'operator_name':null,'region':null,'address':null,'retention_days':null,"
	"'trains':null,'privacy_url':null,'max_output_tokens':null,'messages':0,"
	"'categories_known':0,'rules':'','reason':'there is no destination nowhere',"
	"'currency':null,'cost_estimate_nano':null,'cost_bound_nano':null,'tokens_bound':0}",
	"-- on another device",
	"ANSWER 6 0 fallback=0 question=U14 digest=6ba6 receipt= rules=user:default "
	"price=0.000284 EUR detail=answer with: hither consent approve U14, or deny",
	"TELL request U14",
	"RECORD intent U15 ref= as before but 'question':'U14','destination':'far',"
	"'tier':'cloud','operator_name':'Far Inc','region':'eu',"
	"'address':'https://far.example/v1','retention_days':30,'trains':'no',"
	"'privacy_url':'https://far.example/privacy','max_output_tokens':100,"
	"'device':{'power':'ac','battery_pct':50,'network':'metered','thermal':'nominal',"
	"'locked':false,'vpn':true},'messages':1,'categories_known':1,'rules':'user:default',"
	"'reason':null,'currency':'EUR','cost_estimate_nano':220000,'cost_bound_nano':284000,"
	"'tokens_bound':184}",
	NULL
};

#endif
