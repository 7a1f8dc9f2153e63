/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of test_gate_gone.c, as gate_story.h writes them. STORY=1 has the test print its
 * own. */
#ifndef HITHER_TESTS_UNIT_GATE_GONE_H
#define HITHER_TESTS_UNIT_GATE_GONE_H

#include <stddef.h>

static const char *const in_vain_text[] = {
	"RESULT 200 - 'approved' next=- outcome=unreachable permission=g-4 receipt= "
	"prove_ms=0",
	"-- no cloud",
	"ANSWER 2 0 fallback=0 question=U1 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U1, or deny",
	"ANSWER 2 11 fallback=0 question=U1 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=the cloud role is not running; hither status",
	"TELL request U1",
	"TELL withdrawn U1",
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
	"RECORD approved U6 ref=U4 as before but 'scope':'session','until_ms':1795043200000,"
	"'agent':'command','agent_pid':1,'notice_version':'1','notice_sha256':'H7',"
	"'outcome':'unreachable'}",
	"RECORD withdrawn U7 ref=U4 'uid':1234,'question':'U1','reason':'unreachable'}",
	"RESULT 200 - 'approved' next=- outcome=unreachable permission= receipt= prove_ms=0",
	"-- cloud that goes",
	"ANSWER 3 0 fallback=0 question=U8 digest=52b1 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U8, or deny",
	"ANSWER 3 11 fallback=0 question=U8 digest=52b1 receipt= rules=user:default "
	"price=0.000277 EUR detail=the cloud role did not take it; hither status",
	"TELL request U8",
	"TELL withdrawn U8",
	"RECORD intent U9 ref= as before but 'app':'org.example.Other','question':'U8',"
	"'digest':'sha256:H8','scope':null,'until_ms':null,'agent':null,'agent_pid':null,"
	"'notice_version':null,'notice_sha256':null,'outcome':null}",
	"RECORD approved U10 ref=U9 as before but 'scope':'once','agent':'command',"
	"'agent_pid':1,'notice_version':'1','notice_sha256':'H9'}",
	"RECORD granted U11 ref=U9 as before but 'scope':null,'basis':'approval:U10',"
	"'agent':null,'agent_pid':null,'notice_version':null,'notice_sha256':null}",
	"RECORD closed U12 ref=U11 'uid':1234,'app':'org.example.Other','decision_id':'U5',"
	"'destination':'far','model':'big-1','outcome':'refused','bytes_out':0,'detail':'the "
	"cloud role did not take it'}",
	"-- under a rule, too",
	"ANSWER 4 11 fallback=0 question= digest=e4a8 receipt= rules=user:default "
	"price=0.000277 EUR detail=the cloud role did not take it; hither status",
	"RECORD policy U13 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H10',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD intent U14 ref= as before but 'question':null,'digest':'sha256:H11',"
	"'basis':null,'policy_sha256':'H10'}",
	"RECORD granted U15 ref=U14 as before but 'basis':'rule'}",
	"RECORD closed U16 ref=U15 'uid':1234,'app':'org.example.Other','decision_id':'U5',"
	"'destination':'far','model':'big-1','outcome':'refused','bytes_out':0,'detail':'the "
	"cloud role did not take it'}",
	"-- nobody hears it",
	"ANSWER 5 1 fallback=0 question= digest=76fd receipt=U17 rules=user:default "
	"price=0.000277 EUR detail=",
	"SEND 3 ledger=15 far big-1 body=76fd,77 streaming=0 deadline=600000 policy=in force",
	"ABORT 3",
	"AGAIN 3 attempt 1",
	"LOG hither gate.answer decision=U5 outcome=1 problem='peer process has exited'",
	"LOG hither gate.again decision=U5 problem='cloud cannot be told'",
	"LOG hither gate.abort decision=U5 problem='cloud cannot be told'",
	"RECORD intent U18 ref= as before but 'digest':'sha256:H12','basis':null}",
	"RECORD granted U17 ref=U18 as before but 'basis':'rule'}",
	"RECORD retried U19 ref=U17 'uid':1234,'app':'org.example.Other','decision_id':'U5',"
	"'destination':'far','model':'big-1','outcome':'not_acted_upon','bytes_out':1,"
	"'bytes_in':0,'count':1,'detail':''}",
	"-- the router ends",
	"ANSWER 6 1 fallback=0 question= digest=6332 receipt=U20 rules=user:default "
	"price=0.000277 EUR detail=",
	"SEND 4 ledger=18 far big-1 body=6332,77 streaming=0 deadline=600000 policy=in force",
	"ABORT 4",
	"RECORD intent U21 ref= as before but 'digest':'sha256:H13','basis':null}",
	"RECORD granted U20 ref=U21 as before but 'basis':'rule'}",
	"-- and so does the send",
	"RECORD closed U22 ref=U20 'uid':1234,'app':'org.example.Other','decision_id':'U5',"
	"'destination':'far','model':'big-1','reason':'the router ended','currency':'EUR',"
	"'cost_nano':60500,'outcome':'aborted','http_status':201,'bytes_out':1001,"
	"'bytes_in':2002,'tokens_in':31,'tokens_out':17,'tokens_cached':5,'elapsed_ms':0,"
	"'detail':'a cause'}",
	NULL
};

static const char *const one_after_the_other_text[] = {
	"-- one is shown",
	"ANSWER 2 0 fallback=0 question=U1 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U1, or deny",
	"ANSWER 3 0 fallback=0 question=U2 digest=52b1 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U2, or deny",
	"TELL request U1",
	"RECORD start U3 ref= 'session':'test','policy_sha256':'H1','key_id':'H2'}",
	"RECORD policy U4 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD intent U5 ref= 'subject':'H4','uid':1234,'session':'test#0/0',"
	"'app':'org.example.App','identity':'socket','decision_id':'U6','question':'U1',"
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
	"RECORD intent U7 ref= as before but 'question':'U2','digest':'sha256:H7'}",
	"RESULT 200 - 'approved' next=- outcome=approved permission= receipt=U8 prove_ms=0",
	"-- a yes that waits shows the other",
	"TELL withdrawn U1",
	"TELL request U2",
	"RECORD approved U8 ref=U5 as before but 'question':'U1','digest':'sha256:H6',"
	"'scope':'once','agent':'command','agent_pid':1,'notice_version':'1',"
	"'notice_sha256':'H8'}",
	"-- nobody looked at it",
	"TELL withdrawn U2",
	"RECORD withdrawn U9 ref=U7 as before but 'question':'U2','digest':'sha256:H7',"
	"'scope':null,'agent':null,'agent_pid':null,'notice_version':null,"
	"'notice_sha256':null,'reason':'the client left'}",
	"-- two were told",
	"ANSWER 4 10 fallback=0 question= digest=e4a8 receipt= rules=user:default "
	"price=0.000277 EUR detail=this app has asked as often as policy lets it in an hour "
	"(max_prompts_per_hour)",
	"RECORD limited U10 ref= as before but 'question':null,'digest':'sha256:H9',"
	"'reason':'this app has asked as often as policy lets it in an hour "
	"(max_prompts_per_hour)'}",
	"NEXT never",
	"-- an hour later, and the router ends",
	"ANSWER 5 0 fallback=0 question=U11 digest=e4a8 receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U11, or deny",
	"ANSWER 6 0 fallback=0 question=U12 digest=758b receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U12, or deny",
	"TELL request U11",
	"TELL withdrawn U11",
	"TELL request U12",
	"RECORD intent U13 ref= as before but 'question':'U11','reason':null}",
	"RECORD intent U14 ref= as before but 'question':'U12','digest':'sha256:H10'}",
	"RECORD withdrawn U15 ref=U13 as before but 'question':'U11','digest':'sha256:H9',"
	"'reason':'the client left'}",
	"RESULT 200 - 'kept on this device' next=- outcome=refused permission=n-12 "
	"receipt=U16 prove_ms=0",
	"-- a no is for what is like it",
	"ANSWER 7 0 fallback=0 question=U17 digest=3ccd receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U17, or deny",
	"TELL request U17",
	"TELL withdrawn U12",
	"RECORD intent U18 ref= as before but 'app':'org.example.Other','question':'U17',"
	"'conversation':'H11','digest':'sha256:H12','reason':null}",
	"RECORD refused U16 ref=U14 as before but 'app':'org.example.App','question':'U12',"
	"'conversation':'H5','digest':'sha256:H10','scope':'once','agent':'command',"
	"'agent_pid':1,'notice_version':'1','notice_sha256':'H13'}",
	"RESULT 200 - 'approved' next=- outcome=granted permission= receipt=U19 prove_ms=0",
	"-- so is a yes",
	"ANSWER 8 0 fallback=0 question=U20 digest=23db receipt= rules=user:default "
	"price=0.000277 EUR detail=answer with: hither consent approve U20, or deny",
	"ANSWER 8 1 fallback=0 question=U20 digest=23db receipt=U19 rules=user:default "
	"price=0.000277 EUR detail=",
	"SEND 1 ledger=15 far big-1 body=23db,77 streaming=0 deadline=600000 policy=in force",
	"TELL request U20",
	"TELL withdrawn U20",
	"RECORD intent U21 ref= as before but 'app':'org.example.Third','question':'U20',"
	"'conversation':'H14','digest':'sha256:H15','scope':null,'agent':null,"
	"'agent_pid':null,'notice_version':null,'notice_sha256':null}",
	"RECORD approved U22 ref=U21 as before but 'scope':'once','agent':'command',"
	"'agent_pid':1,'notice_version':'1','notice_sha256':'H16'}",
	"RECORD granted U19 ref=U21 as before but 'scope':null,'basis':'approval:U22',"
	"'agent':null,'agent_pid':null,'notice_version':null,'notice_sha256':null}",
	"-- sent",
	"RECORD closed U23 ref=U19 'uid':1234,'app':'org.example.Third','decision_id':'U6',"
	"'destination':'far','model':'big-1','currency':'EUR','cost_nano':60500,"
	"'outcome':'complete','http_status':201,'bytes_out':1001,'bytes_in':2002,"
	"'tokens_in':31,'tokens_out':17,'tokens_cached':5,'elapsed_ms':0,'detail':'a cause'}",
	"0 go",
	"-- what is old goes",
	NULL
};

static const char *const alone_text[] = {
	"NEXT in 1",
	"-- a moment",
	"RECORD start U1 ref= 'session':'test','policy_sha256':'H1','key_id':'H2'}",
	"RECORD policy U2 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD start U3 ref= 'session':'test','policy_sha256':'H1','key_id':'H2'}",
	"RECORD policy U4 ref= 'policy_id':'t','policy_serial':1,'policy_sha256':'H3',"
	"'serials':{'t':1},'detail':'active'}",
	"RECORD intent U5 ref= 'subject':'H4','uid':1234,'session':'test#0/0',"
	"'app':'org.example.App','identity':'socket','decision_id':'U6','question':'U7',"
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
	"RECORD intent U8 ref= as before but 'app':'org.example.Other','question':'U9',"
	"'conversation':'H7','digest':'sha256:H8'}",
	"NEXT in 500",
	"-- nobody came",
	"ANSWER 3 5 fallback=1 question=U9 digest=758b receipt= rules=user:default "
	"price=0.000277 EUR detail=nobody was there to be asked; to be asked: hither consent "
	"watch; or hither consent approve U9, and send the same request again",
	"ANSWER 2 5 fallback=1 question=U7 digest=a797 receipt= rules=user:default "
	"price=0.000277 EUR detail=nobody was there to be asked; to be asked: hither consent "
	"watch; or hither consent approve U7, and send the same request again",
	"RECORD no_agent U10 ref= as before but }",
	"RECORD no_agent U11 ref= as before but 'app':'org.example.App','question':'U7',"
	"'conversation':'H5','digest':'sha256:H6'}",
	"-- no patience twice",
	"ANSWER 4 5 fallback=1 question=U12 digest=52b1 receipt= rules=user:default "
	"price=0.000277 EUR detail=nobody was there to be asked; to be asked: hither consent "
	"watch; or hither consent approve U12, and send the same request again",
	"RECORD intent U13 ref= as before but 'question':'U12','conversation':'H9',"
	"'digest':'sha256:H10'}",
	"RECORD no_agent U14 ref= as before but }",
	"-- somebody else",
	"-- somebody",
	"TELL request U7",
	"TELL request U9",
	"RESULT 200 - 'not now: kept on this device' next=- outcome=dismissed permission= "
	"receipt=U15 prove_ms=0",
	"-- not now",
	"TELL withdrawn U7",
	"TELL request U12",
	"RECORD dismissed U15 ref=U5 as before but 'question':'U7','conversation':'H5',"
	"'digest':'sha256:H6','scope':'once','agent':'command','agent_pid':1,"
	"'notice_version':'1','notice_sha256':'H11'}",
	"NEXT never",
	"-- silence",
	"TELL expired U9",
	"TELL expired U12",
	"RECORD timed_out U16 ref=U8 as before but 'app':'org.example.Other','question':'U9',"
	"'conversation':'H7','digest':'sha256:H8','scope':null,'agent':null,'agent_pid':null,"
	"'notice_version':null,'notice_sha256':null}",
	"RECORD timed_out U17 ref=U13 as before but 'app':'org.example.App','question':'U12',"
	"'conversation':'H9','digest':'sha256:H10'}",
	"-- locked",
	"ANSWER 5 5 fallback=1 question=U18 digest=e4a8 receipt= rules=user:default "
	"price=0.000277 EUR detail=the screen is locked, so you were not asked; or hither "
	"consent approve U18, and send the same request again",
	"RECORD intent U19 ref= as before but 'app':'org.example.Third','question':'U18',"
	"'device':{'power':null,'battery_pct':null,'network':null,'thermal':null,"
	"'locked':true,'vpn':null},'digest':'sha256:H12'}",
	"RECORD no_agent U20 ref= as before but 'reason':'the screen is locked'}",
	"-- unlocked",
	"TELL request U18",
	"-- still unlocked",
	NULL
};

#endif
