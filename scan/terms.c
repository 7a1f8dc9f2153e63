/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that mean something by themselves: context words, which name the number beside them,
 * and terms, which are findings. Lists are separated by '|', in lower case; a plural "s" is
 * understood. Written for this program from general knowledge.
 */
#include "scan/scan_impl.h"

const struct scan_context_words scan_contexts[] = {
	{ CONTEXT_PHONE, "phone|telephone|tel|mobile|cell|cellphone|call|calling|called|fax|"
			 "dial|whatsapp|sms|text "
			 "me|my number is|messages "
			 "to|reach|ring|hotline|answer|answering|office|voicemail|landline|"
			 "handy|telefon|telefono|"
			 "telefone|mobil|portable|rufnummer|contact number|phone number" },
	{ CONTEXT_CARD,
	  "card|credit card|debit card|visa|mastercard|amex|american express|maestro|cc number|"
	  "card number|kreditkarte|carte bancaire|tarjeta" },
	{ CONTEXT_NATIONAL,
	  "ssn|social security|social insurance|national id|national insurance|identity number|"
	  "identification number|id number|identity code|id code|id card|personal "
	  "number|nino|nric|"
	  "fin number|aadhaar|aadhar|curp|cpf|rut|dni|nie|nif|bsn|hetu|personnummer|pesel|tc "
	  "kimlik|"
	  "kimlik|citizen id|sin number|sin|insee|nir|egn|cnp|oib|rrn|frn|my "
	  "number|voter|voter id|"
	  "personalausweis|ausweis|sozialversicherungsnummer|codice fiscale|carta "
	  "identita|hkid|"
	  "thai id|resident registration|permanent resident|refugee id" },
	{ CONTEXT_PASSPORT, "passport|passport number|travel "
			    "document|reisepass|pasaporte|passeport|passaporto|paspoort|"
			    "pass number" },
	{ CONTEXT_LICENCE,
	  "driver's license|drivers license|driver license|driver's licence|driving licence|"
	  "driving license|license number|licence number|driver's license number|dl number|"
	  "fuhrerschein|führerschein|permis de conduire|patente" },
	{ CONTEXT_TAX,
	  "tax|tax id|tin|vat|itin|ein|tfn|abn|acn|gstin|gst|pan|pan "
	  "number|steuer-id|steuernummer|"
	  "steuer-idnr|idnr|ust-id|ust-idnr|partita iva|siren|siret|uen|nit|taxpayer|orgnummer|"
	  "company identity code|business registration|ird|cuit|cnpj|rfc" },
	{ CONTEXT_ACCOUNT,
	  "account|account number|account no|acct|bank account|routing|routing number|aba|sort "
	  "code|"
	  "konto|kontonummer|kontonr|iban|swift|bic|wire|cuenta|compte|conto|bank" },
	{ CONTEXT_BIRTH,
	  "born|birth|birthdate|birthday|date of birth|dob|d.o.b|geboren|geburtsdatum|"
	  "geburtstag|fecha de nacimiento|nacido|nacida|nací|nacio|nació|date de "
	  "naissance|né le|née le|ne le|nee le|nato il|nata il|data di nascita" },
	{ CONTEXT_HEALTH,
	  "npi|medicare|medicaid|mrn|medical record|patient id|patient number|nhs|nhs number|"
	  "health insurance|insurance number|member id|policy number|mbi|provider|prescription|"
	  "krankenversicherung|versichertennummer|egk|lanr|arztnummer|patient" },
	{ CONTEXT_POSTCODE,
	  "zip|zip code|zipcode|postcode|post code|postal code|plz|postleitzahl|"
	  "codigo postal|código postal|code postal|cap" },
	{ CONTEXT_VEHICLE, "plate|license plate|licence plate|number "
			   "plate|registration|registration number|vehicle|"
			   "plaka|kennzeichen|vin|bike's registration" },
	{ CONTEXT_ADDRESS,
	  "address|live at|lives at|living at|located at|street|deliver|ship to|"
	  "shipping|mail to|return to|send it to|send this to|send to|sent to|we are at|taxi "
	  "to|"
	  "office is at|meet at|adresse|direccion|indirizzo|wohne|reside" },
	{ CONTEXT_CODE, "pin|pin code|cvv|cvc|cvv2|security code|passcode|otp|one-time code|"
			"verification code|2fa code" },
};

const size_t scan_contexts_count = LEN(scan_contexts);

#define CONDITION SCAN_HEALTH_CONDITION, DETECTOR_CONDITION, STRENGTH_LIKELY
#define MEDICINE  SCAN_HEALTH_MEDICATION, DETECTOR_MEDICATION, STRENGTH_LIKELY

const struct scan_term scan_terms[] = {
	{ "diabetes|diabetic|type 1 diabetes|type 2 diabetes|prediabetes|hypertension|"
	  "high blood pressure|hypotension|heart attack|myocardial infarction|heart "
	  "failure|angina|"
	  "arrhythmia|atrial fibrillation|stroke|aneurysm|thrombosis|embolism|pulmonary "
	  "embolism|"
	  "atherosclerosis|cardiomyopathy|coronary artery disease|high "
	  "cholesterol|hyperlipidemia|"
	  "anemia|anaemia|hemophilia|haemophilia|sickle "
	  "cell|thalassemia|leukemia|leukaemia|lymphoma|"
	  "melanoma|carcinoma|sarcoma|myeloma|glioblastoma|metastasis|metastatic|metastases|"
	  "tumor|"
	  "tumour|breast cancer|lung cancer|prostate cancer|colon cancer|ovarian cancer|skin "
	  "cancer|"
	  "pancreatic cancer|cervical cancer|brain tumor|chemotherapy|radiotherapy|"
	  "have cancer|has cancer|had cancer|got cancer|with cancer|my cancer|his cancer|her "
	  "cancer|"
	  "i am pregnant|i'm pregnant|she is pregnant|she's pregnant|weeks pregnant|months "
	  "pregnant|my pregnancy|her pregnancy",
	  CONDITION },
	{ "asthma|copd|emphysema|bronchitis|pneumonia|tuberculosis|cystic fibrosis|sleep apnea|"
	  "sleep apnoea|pulmonary fibrosis|covid-19|hiv|hiv-positive|hiv "
	  "positive|hepatitis|"
	  "hepatitis b|hepatitis c|syphilis|gonorrhea|gonorrhoea|chlamydia|herpes|genital "
	  "herpes|hpv|"
	  "sexually transmitted|malaria|dengue|sepsis|meningitis|encephalitis|lyme "
	  "disease|"
	  "mononucleosis|shingles|chickenpox|measles|mumps|rubella|polio|whooping "
	  "cough|cholera|"
	  "typhoid|yellow fever|ebola|mrsa",
	  CONDITION },
	{ "depression|major depressive disorder|clinical depression|bipolar|bipolar disorder|"
	  "schizophrenia|schizoaffective|psychosis|anxiety disorder|generalized anxiety|panic "
	  "disorder|"
	  "panic attack|ptsd|post-traumatic "
	  "stress|ocd|obsessive-compulsive|adhd|autism|autistic|"
	  "asperger|anorexia|anorexia nervosa|bulimia|eating disorder|borderline personality|"
	  "personality disorder|suicidal|suicide attempt|self-harm|self "
	  "harm|addiction|alcoholism|"
	  "alcoholic|substance abuse|opioid use disorder|dementia|alzheimer|alzheimer's|"
	  "alzheimer's disease|parkinson|parkinson's|parkinson's disease|huntington's disease|"
	  "multiple sclerosis|amyotrophic lateral "
	  "sclerosis|epilepsy|epileptic|seizure|migraine|"
	  "neuropathy|cerebral palsy|tourette|narcolepsy|insomnia|concussion|traumatic brain "
	  "injury",
	  CONDITION },
	{ "arthritis|rheumatoid "
	  "arthritis|osteoarthritis|osteoporosis|fibromyalgia|lupus|gout|scoliosis|"
	  "psoriasis|eczema|dermatitis|rosacea|vitiligo|crohn|crohn's|crohn's disease|"
	  "ulcerative colitis|colitis|ibs|irritable bowel syndrome|celiac|celiac "
	  "disease|coeliac disease|"
	  "gastritis|peptic ulcer|gerd|acid reflux|pancreatitis|cirrhosis|fatty "
	  "liver|gallstone|"
	  "appendicitis|diverticulitis|hernia|hemorrhoid|kidney stone|kidney disease|kidney "
	  "failure|"
	  "renal failure|dialysis|nephritis|urinary tract infection|incontinence|prostatitis|"
	  "hypothyroidism|hyperthyroidism|hashimoto|graves disease|graves' disease|cushing's "
	  "syndrome|"
	  "addison's disease|pcos|polycystic ovary "
	  "syndrome|endometriosis|infertility|infertile|"
	  "miscarriage|stillbirth|ectopic pregnancy|preeclampsia|gestational diabetes|"
	  "erectile dysfunction|menopause|glaucoma|cataract|macular "
	  "degeneration|retinopathy|tinnitus|"
	  "anaphylaxis|down syndrome|down's syndrome|muscular dystrophy|spina bifida|"
	  "chronic fatigue syndrome|long covid|chronic pain|transplant|amputation|obesity|"
	  "medical history|diagnosed with|diagnosis|biopsy|mastectomy|hysterectomy|abortion",
	  CONDITION },
	{ "diabete|hypertonie|krebs|brustkrebs|depressionen|schlaganfall|herzinfarkt|epilepsie|"
	  "schizophrenie|cancer du sein|diabete de type 2|crise cardiaque|asthme|cancer de "
	  "mama|"
	  "presion arterial|presión arterial|ataque al corazon|ataque al "
	  "corazón|cancro|ipertensione|infarto|diabète|diabète de type "
	  "2|dépression|hipertensión|"
	  "hypertension artérielle|depresión|depressione|esquizofrenia|schizophrénie|cáncer|"
	  "j'ai un cancer|ich bin schwanger|je suis enceinte|estoy embarazada|sono incinta",
	  CONDITION },
	{ "metformin|insulin|ozempic|wegovy|semaglutide|liraglutide|tirzepatide|mounjaro|"
	  "glipizide|"
	  "lisinopril|enalapril|ramipril|losartan|valsartan|amlodipine|metoprolol|atenolol|"
	  "bisoprolol|"
	  "propranolol|carvedilol|hydrochlorothiazide|furosemide|spironolactone|atorvastatin|"
	  "simvastatin|rosuvastatin|pravastatin|lipitor|crestor|warfarin|apixaban|eliquis|"
	  "rivaroxaban|"
	  "xarelto|dabigatran|clopidogrel|plavix|heparin|enoxaparin|digoxin|amiodarone|"
	  "nitroglycerin",
	  MEDICINE },
	{ "sertraline|zoloft|fluoxetine|prozac|paroxetine|paxil|citalopram|celexa|escitalopram|"
	  "lexapro|"
	  "venlafaxine|effexor|duloxetine|cymbalta|bupropion|wellbutrin|mirtazapine|trazodone|"
	  "amitriptyline|nortriptyline|lithium "
	  "carbonate|lamotrigine|lamictal|valproate|depakote|"
	  "carbamazepine|tegretol|quetiapine|seroquel|olanzapine|zyprexa|risperidone|risperdal|"
	  "aripiprazole|abilify|clozapine|haloperidol|ziprasidone|lurasidone|alprazolam|xanax|"
	  "lorazepam|ativan|clonazepam|klonopin|diazepam|valium|temazepam|zolpidem|ambien|"
	  "buspirone|"
	  "methylphenidate|ritalin|concerta|adderall|amphetamine|lisdexamfetamine|vyvanse|"
	  "atomoxetine|"
	  "donepezil|memantine|levodopa|ropinirole|pramipexole|levetiracetam|keppra|topiramate|"
	  "gabapentin|pregabalin|lyrica|phenytoin|sumatriptan|naltrexone|buprenorphine|"
	  "suboxone|"
	  "methadone|disulfiram|varenicline",
	  MEDICINE },
	{ "oxycodone|oxycontin|hydrocodone|vicodin|percocet|morphine|fentanyl|tramadol|codeine|"
	  "hydromorphone|tapentadol|ibuprofen|naproxen|diclofenac|celecoxib|meloxicam|"
	  "acetaminophen|"
	  "paracetamol|prednisone|prednisolone|dexamethasone|methylprednisolone|hydrocortisone|"
	  "methotrexate|hydroxychloroquine|adalimumab|humira|etanercept|enbrel|infliximab|"
	  "remicade|"
	  "rituximab|secukinumab|ustekinumab|azathioprine|mycophenolate|tacrolimus|"
	  "cyclosporine|"
	  "allopurinol|colchicine|alendronate|amoxicillin|augmentin|penicillin|azithromycin|"
	  "clarithromycin|doxycycline|ciprofloxacin|levofloxacin|cephalexin|ceftriaxone|"
	  "clindamycin|"
	  "metronidazole|vancomycin|nitrofurantoin|trimethoprim|sulfamethoxazole|fluconazole|"
	  "acyclovir|valacyclovir|valtrex|oseltamivir|tamiflu|paxlovid|remdesivir|truvada|"
	  "descovy|"
	  "biktarvy|dolutegravir|efavirenz|tenofovir|emtricitabine|zidovudine|sofosbuvir|"
	  "isoniazid|"
	  "rifampin|ivermectin|levothyroxine|synthroid|methimazole|estradiol|progesterone|"
	  "testosterone|"
	  "finasteride|tamoxifen|letrozole|anastrozole|clomiphene|misoprostol|mifepristone|"
	  "sildenafil|"
	  "viagra|tadalafil|cialis|tamsulosin|albuterol|salbutamol|ventolin|fluticasone|"
	  "budesonide|"
	  "symbicort|montelukast|singulair|tiotropium|epinephrine|epipen|omeprazole|"
	  "pantoprazole|"
	  "esomeprazole|lansoprazole|famotidine|ondansetron|loperamide|mesalamine|cetirizine|"
	  "loratadine|isotretinoin|accutane|imatinib|pembrolizumab|keytruda|nivolumab|"
	  "trastuzumab|"
	  "herceptin|bevacizumab|paclitaxel|cisplatin|doxorubicin|lenalidomide",
	  MEDICINE },
	{ "attorney-client privilege|attorney client privilege|attorney-client privileged|"
	  "privileged and confidential|privileged & confidential|attorney work product|"
	  "work product doctrine|legal professional privilege|legally "
	  "privileged|solicitor-client|"
	  "without prejudice|settlement privilege|litigation hold|anwaltsgeheimnis|"
	  "secret professionnel de l'avocat",
	  SCAN_LEGAL_PRIVILEGED, DETECTOR_PRIVILEGED, STRENGTH_LIKELY },
};

const size_t scan_terms_count = LEN(scan_terms);
